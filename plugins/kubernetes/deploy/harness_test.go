package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// testConnector has nothing but the actions of this package.
type testConnector struct {
	*sdk.Actions
	*Deployer
}

func newTestConnector() *testConnector {
	d := New()
	actions := append(d.Actions(), RenderAction(d, runNothing), ValidateAction(d, runNothing))
	return &testConnector{sdk.NewActions(sdk.Info{Name: "kubernetes", Version: "0.0.1", Summary: "Deploys to a cluster"}, actions[0], actions[1:]...), d}
}

// PlanStep implements sdk.Planner.
func (c *testConnector) PlanStep(ctx context.Context, r sdk.PlanRequest) (sdk.Plan, error) {
	return Plan(ctx, r.Step, runNothing)
}

func runNothing(context.Context, sdk.Step, struct{}) ([]*unstructured.Unstructured, error) {
	return nil, sdk.Errorf(sdk.ClassInvalidConfig, "nothing to run")
}

// DestroyStep implements sdk.Destroyer.
func (c *testConnector) DestroyStep(_ context.Context, r sdk.DestroyRequest) error {
	for _, attempt := range r.Attempts {
		c.Stop(attempt.AttemptID)
	}
	return nil
}

// TestMain makes the test binary a connector when a host launches it.
func TestMain(m *testing.M) {
	if kubeconfig := os.Getenv("PATCHBAY_TEST_KUBECONFIG"); kubeconfig != "" {
		os.Setenv("KUBECONFIG", kubeconfig)
	}
	cookie := sdk.Handshake()
	if os.Getenv(cookie.MagicCookieKey) == cookie.MagicCookieValue {
		sdk.Serve(newTestConnector())
		return
	}
	os.Exit(m.Run())
}

// bench is a namespace of a real cluster, and the actions behind a real gRPC
// connection.
type bench struct {
	t         *testing.T
	client    *sdk.Client
	cluster   *client
	namespace string
	workspace string
	image     string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	image := os.Getenv("PATCHBAY_TEST_KUBERNETES_IMAGE")
	if os.Getenv("PATCHBAY_TEST_KUBECONFIG") == "" || image == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Kubernetes cluster is named by PATCHBAY_TEST_KUBECONFIG")
		}
		t.Skip("no Kubernetes cluster: run scripts/test, which brings one up")
	}
	b := &bench{t: t, workspace: t.TempDir(), image: image, namespace: "patchbay-test-" + uuid.NewString()[:8]}
	var err error
	if b.cluster, err = open(sdk.Step{}, cluster.Access{Namespace: b.namespace}); err != nil {
		t.Fatal(err)
	}
	if err := b.cluster.makeNamespace(t.Context(), b.namespace, b.journal()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.cluster.typed.CoreV1().Namespaces().Delete(context.Background(), b.namespace, metav1.DeleteOptions{})
	})
	b.client = serve(t, newTestConnector())
	return b
}

// journal is one that nobody reads.
func (b *bench) journal() *journal {
	b.t.Helper()
	j, err := openJournal(b.t.TempDir())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(j.close)
	return j
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

// file puts a file into the workspace.
func (b *bench) file(name, content string) {
	b.t.Helper()
	path := filepath.Join(b.workspace, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// request makes the request of a new attempt.
func (b *bench) request(action string, config map[string]any) sdk.RunRequest {
	b.t.Helper()
	if _, given := config["namespace"]; !given {
		config["namespace"] = b.namespace
	}
	data, err := json.Marshal(config)
	if err != nil {
		b.t.Fatal(err)
	}
	return sdk.RunRequest{Step: sdk.Step{AttemptID: uuid.NewString(), Action: action, Config: data, Environment: map[string]string{},
		Workspace: sdk.Workspace{Path: b.workspace, AttemptPath: b.t.TempDir()}}}
}

// outcome is what RunStep returned, and all that the step said.
type outcome struct {
	result sdk.Result
	err    error
	said   *recording
}

// text is all that a user sees.
func (o outcome) text() string {
	text := o.said.text() + o.result.Message
	if o.err != nil {
		text += o.err.Error()
	}
	return text
}

// start begins an attempt; its end comes on the channel.
func (b *bench) start(client *sdk.Client, r sdk.RunRequest) (*sdk.RunningStep, *recording, <-chan outcome) {
	b.t.Helper()
	said := &recording{offsets: r.Offsets, outputs: map[string]string{}, changed: make(chan struct{})}
	running, err := client.RunStep(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := running.Wait(said)
		ended <- outcome{result, err, said}
	}()
	return running, said, ended
}

// run runs a step to its end.
func (b *bench) run(action string, config map[string]any) outcome {
	b.t.Helper()
	_, _, ended := b.start(b.client, b.request(action, config))
	return <-ended
}

// succeeds runs a step that must succeed, and returns what it said.
func (b *bench) succeeds(action string, config map[string]any) string {
	b.t.Helper()
	end := b.run(action, config)
	if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
		b.t.Fatalf("%s: got %+v, %v\n%s", action, end.result, end.err, end.said.text())
	}
	return end.said.text()
}

// recording keeps what an attempt says, and insists on offsets without a gap.
type recording struct {
	mu      sync.Mutex
	offsets sdk.Offsets
	stdout  bytes.Buffer
	outputs map[string]string
	changed chan struct{} // closed at the next output
}

func (r *recording) Output(c sdk.OutputChunk) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Stderr || c.Offset != r.offsets.Stdout {
		return fmt.Errorf("a chunk has the offset %d, not %d", c.Offset, r.offsets.Stdout)
	}
	r.stdout.Write(c.Data)
	r.offsets.Stdout += int64(len(c.Data))
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

func (*recording) Progress(string, int) error { return nil }
func (*recording) State([]byte) error         { return nil }

func (r *recording) SetOutput(name, value string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outputs[name] = value
	return nil
}

func (r *recording) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stdout.String()
}

// await waits until the step has said the text.
func (r *recording) await(t *testing.T, text string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		r.mu.Lock()
		found, changed := strings.Contains(r.stdout.String(), text), r.changed
		r.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%q never came; there is %q", text, r.text())
		}
	}
}

// contains checks what users are told.
func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}
