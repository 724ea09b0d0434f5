package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestMain makes the test binary a connector when a host launches it, so that
// tests of a dying process need no build.
func TestMain(m *testing.M) {
	cookie := sdk.Handshake()
	if os.Getenv(cookie.MagicCookieKey) == cookie.MagicCookieValue {
		sdk.Serve(newConnector())
		return
	}
	if host := os.Getenv("PATCHBAY_TEST_DOCKER"); host != "" {
		os.Setenv("DOCKER_HOST", host)
	}
	os.Exit(m.Run())
}

// bench is a connector behind a real gRPC connection and with a real Engine.
type bench struct {
	t         *testing.T
	connector *connector
	client    *sdk.Client
	workspace string
	attempts  string
	image     string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	c := newConnector()
	requireEngine(t, c.engine)
	root := t.TempDir()
	b := &bench{t: t, connector: c, workspace: filepath.Join(root, "work"), attempts: filepath.Join(root, "attempts"),
		image: testImage(t, c.engine)}
	for _, dir := range []string{b.workspace, b.attempts} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.client = serve(t, c)
	return b
}

// requireEngine skips a test on a machine without Docker, but never in CI.
func requireEngine(t *testing.T, e *engine) {
	t.Helper()
	err := e.usable()
	if err == nil {
		_, err = e.api.Ping(t.Context())
	}
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no Docker Engine answers: %v", err)
	}
	t.Skipf("no Docker Engine answers (%v): run scripts/test, which brings one up", err)
}

func serve(t *testing.T, connector sdk.Connector) *sdk.Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	sdk.RegisterServer(server, connector)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return sdk.NewClient(conn)
}

// request makes the request of a new attempt, of which the test's end sees to it
// that nothing is left.
func (b *bench) request(config map[string]any) sdk.RunRequest {
	b.t.Helper()
	if _, given := config["image"]; !given {
		config["image"] = b.image
	}
	data, err := json.Marshal(config)
	if err != nil {
		b.t.Fatal(err)
	}
	id := uuid.NewString()
	dir := filepath.Join(b.attempts, id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	r := sdk.RunRequest{Step: sdk.Step{AttemptID: id, Config: data, Environment: map[string]string{},
		Workspace: sdk.Workspace{Path: b.workspace, AttemptPath: dir}}}
	b.t.Cleanup(func() {
		b.destroy(r)
		if left := b.containers(id); len(left) > 0 {
			b.t.Errorf("left after DestroyStep: %v", left)
		}
	})
	return r
}

// destroy removes what is left of an attempt.
func (b *bench) destroy(r sdk.RunRequest) {
	b.t.Helper()
	err := b.connector.DestroyStep(context.Background(), sdk.DestroyRequest{Attempts: []sdk.AttemptRef{
		{AttemptID: r.Step.AttemptID, Workspace: r.Step.Workspace}}})
	if err != nil {
		b.t.Error(err)
	}
}

// containers lists those of an attempt, running or not.
func (b *bench) containers(attemptID string) []container.Summary {
	b.t.Helper()
	list, err := b.connector.engine.api.ContainerList(context.Background(), container.ListOptions{All: true,
		Filters: filters.NewArgs(filters.Arg("label", labelAttempt+"="+attemptID))})
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// start begins an attempt and returns what it says; its end comes on the channel.
func (b *bench) start(client *sdk.Client, r sdk.RunRequest) (*sdk.RunningStep, *recording, <-chan outcome) {
	b.t.Helper()
	said := newRecording(r.Offsets)
	running, err := client.RunStep(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := running.Wait(said)
		ended <- outcome{result, err}
	}()
	return running, said, ended
}

// run runs an attempt to its end.
func (b *bench) run(r sdk.RunRequest) (sdk.Result, *recording, error) {
	b.t.Helper()
	_, said, ended := b.start(b.client, r)
	end := <-ended
	return end.result, said, end.err
}

// outcome is what RunStep returned.
type outcome struct {
	result sdk.Result
	err    error
}

// recording keeps what an attempt says, and insists on offsets without a gap.
type recording struct {
	mu             sync.Mutex
	offsets        sdk.Offsets
	stdout, stderr bytes.Buffer
	state          []byte
	progress       []string
	changed        chan struct{} // closed at the next output
}

func newRecording(have sdk.Offsets) *recording {
	return &recording{offsets: have, changed: make(chan struct{})}
}

func (r *recording) Output(c sdk.OutputChunk) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	into, next := &r.stdout, &r.offsets.Stdout
	if c.Stderr {
		into, next = &r.stderr, &r.offsets.Stderr
	}
	if c.Offset != *next {
		return fmt.Errorf("a chunk has the offset %d, not %d", c.Offset, *next)
	}
	into.Write(c.Data)
	*next += int64(len(c.Data))
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

func (r *recording) Progress(message string, _ int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress = append(r.progress, message)
	return nil
}

func (r *recording) State(state []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = bytes.Clone(state)
	return nil
}

func (*recording) SetOutput(string, string) error { return nil }

// awaitOutput waits until stdout has the text.
func (r *recording) awaitOutput(t *testing.T, text string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		r.mu.Lock()
		found, changed := bytes.Contains(r.stdout.Bytes(), []byte(text)), r.changed
		r.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%q never came; there is %q", text, r.stdout.String())
		}
	}
}

// again makes the request by which a host joins the attempt, with all that this
// recording has.
func (r *recording) again(request sdk.RunRequest) sdk.RunRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	request.Offsets, request.State = r.offsets, r.state
	return request
}

// awaitProgress waits until the attempt has said that.
func (r *recording) awaitProgress(t *testing.T, text string) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); runtime.Gosched() {
		r.mu.Lock()
		found := slices.ContainsFunc(r.progress, func(p string) bool { return strings.Contains(p, text) })
		r.mu.Unlock()
		if found {
			return
		}
	}
	t.Fatalf("%q never came", text)
}
