package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// TestMain makes the test binary a connector when a host launches it, so that tests of
// a dying process need no build.
func TestMain(m *testing.M) {
	cookie := sdk.Handshake()
	if os.Getenv(cookie.MagicCookieKey) == cookie.MagicCookieValue {
		sdk.Serve(newConnector())
		return
	}
	for name, value := range map[string]string{"KUBECONFIG": os.Getenv("PATCHBAY_TEST_KUBECONFIG"), hostNodeSetting: "127.0.0.1",
		cloneSetting: os.Getenv("PATCHBAY_TEST_KUBERNETES_GIT_IMAGE")} {
		os.Setenv(name, value)
	}
	code := m.Run()
	dropNamespace()
	os.Exit(code)
}

// bench is a connector behind a real gRPC connection and with a real cluster.
type bench struct {
	t         *testing.T
	connector *connector
	client    *sdk.Client
	cluster   *client
	namespace string
	workspace string
	attempts  string
	image     string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, connector: newConnector(), namespace: testNamespace(t), image: os.Getenv("PATCHBAY_TEST_KUBERNETES_IMAGE")}
	b.cluster = openNamespace(t, b.namespace)
	root := t.TempDir()
	b.workspace, b.attempts = filepath.Join(root, "work"), filepath.Join(root, "attempts")
	for _, dir := range []string{b.workspace, b.attempts} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.client = serve(t, b.connector)
	return b
}

// requireCluster skips a test on a machine without Kubernetes, but never in CI.
func requireCluster(t *testing.T) {
	t.Helper()
	if os.Getenv("PATCHBAY_TEST_KUBECONFIG") != "" {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("PATCHBAY_TEST_KUBECONFIG names no cluster")
	}
	t.Skip("PATCHBAY_TEST_KUBECONFIG names no cluster: run scripts/test, which brings one up")
}

func openNamespace(t *testing.T, name string) *client {
	t.Helper()
	found, err := cluster.Open(cluster.Access{Namespace: name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(found)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// own is the namespace of this test process.
var own struct {
	sync.Mutex
	name   string
	client *client
}

// testNamespace makes the process's namespace when it is first needed.
func testNamespace(t *testing.T) string {
	t.Helper()
	requireCluster(t)
	own.Lock()
	defer own.Unlock()
	if own.name == "" {
		c := openNamespace(t, "default")
		own.name, own.client = makeNamespace(t, c), c
	}
	return own.name
}

// makeNamespace returns when pods can be made in it: it has its service account.
func makeNamespace(t *testing.T, c *client) string {
	t.Helper()
	name := "patchbay-test-" + uuid.NewString()[:8]
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := c.core.Post().Resource("namespaces").Body(ns).Do(context.Background()).Error(); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if c.core.Get().Namespace(name).Resource("serviceaccounts").Name("default").Do(context.Background()).Error() == nil {
			return name
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the namespace has no service account after half a minute")
	return ""
}

func dropNamespace() {
	own.Lock()
	defer own.Unlock()
	if own.name != "" {
		_ = own.client.core.Delete().Resource("namespaces").Name(own.name).Do(context.Background()).Error()
	}
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
	for key, value := range map[string]any{"namespace": b.namespace, "image_pull_policy": "Never"} {
		if _, given := config[key]; !given {
			config[key] = value
		}
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
		b.destroy(r, savedState{Job: jobName(id), Namespace: b.namespace})
		if left := b.left(id); len(left) > 0 {
			b.t.Errorf("left after DestroyStep: %v", left)
		}
	})
	return r
}

// destroy removes what is left of an attempt.
func (b *bench) destroy(r sdk.RunRequest, state savedState) {
	b.t.Helper()
	data, err := json.Marshal(state)
	if err != nil {
		b.t.Fatal(err)
	}
	err = b.connector.DestroyStep(context.Background(), sdk.DestroyRequest{Attempts: []sdk.AttemptRef{
		{AttemptID: r.Step.AttemptID, State: data, Workspace: r.Step.Workspace}}})
	if err != nil {
		b.t.Error(err)
	}
}

// left names what the cluster has of an attempt.
func (b *bench) left(attemptID string) []string {
	b.t.Helper()
	var names []string
	for _, resource := range []string{jobs, pods, secrets, claims} {
		list := &metav1.PartialObjectMetadataList{}
		if err := b.cluster.listMeta(context.Background(), resource, ofAttempt(attemptID), list); err != nil {
			b.t.Fatal(err)
		}
		for _, item := range list.Items {
			names = append(names, resource+"/"+item.Name)
		}
	}
	return names
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
	outputs        map[string]string
	changed        chan struct{} // closed at the next output
}

func newRecording(have sdk.Offsets) *recording {
	return &recording{offsets: have, outputs: map[string]string{}, changed: make(chan struct{})}
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

func (r *recording) SetOutput(name, value string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outputs[name] = value
	return nil
}

// awaitBytes waits until the host has so many bytes.
func (r *recording) awaitBytes(t *testing.T, wanted int64) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		r.mu.Lock()
		has, changed := r.offsets.Stdout, r.changed
		r.mu.Unlock()
		if has >= wanted {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("there are only %d bytes", has)
		}
	}
}

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
			r.mu.Lock()
			defer r.mu.Unlock()
			all := r.stdout.Bytes()
			t.Fatalf("%q never came; there are %d bytes, the last are %q", text, len(all), all[max(0, len(all)-300):])
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
