package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/patchbay-ci/patchbay/sdk"
)

// bench is a connector behind a real gRPC connection, with a workspace.
type bench struct {
	t         *testing.T
	client    *sdk.Client
	workspace string
	attempts  string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	root := t.TempDir()
	b := &bench{t: t, workspace: filepath.Join(root, "work"), attempts: filepath.Join(root, "attempts")}
	for _, dir := range []string{b.workspace, b.attempts} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.client = serve(t, newConnector())
	return b
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

// request makes an attempt's request; its folder is made, too.
func (b *bench) request(id string, config map[string]any) sdk.RunRequest {
	b.t.Helper()
	data, err := json.Marshal(config)
	if err != nil {
		b.t.Fatal(err)
	}
	dir := filepath.Join(b.attempts, id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	return sdk.RunRequest{Step: sdk.Step{AttemptID: id, Config: data, Environment: map[string]string{"GREETING": "hello"},
		Workspace: sdk.Workspace{Path: b.workspace, AttemptPath: dir}}}
}

// recording keeps what an attempt says.
type recording struct {
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	firstOutput    chan struct{}
	once           sync.Once
}

func newRecording() *recording { return &recording{firstOutput: make(chan struct{})} }

func (r *recording) Output(c sdk.OutputChunk) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Stderr {
		r.stderr.Write(c.Data)
	} else {
		r.stdout.Write(c.Data)
	}
	r.once.Do(func() { close(r.firstOutput) })
	return nil
}
func (*recording) Progress(string, int) error     { return nil }
func (*recording) State([]byte) error             { return nil }
func (*recording) SetOutput(string, string) error { return nil }

// run runs an attempt to its end.
func (b *bench) run(r sdk.RunRequest) (sdk.Result, *recording, error) {
	b.t.Helper()
	said := newRecording()
	running, err := b.client.RunStep(b.t.Context(), r)
	if err != nil {
		return sdk.Result{}, said, err
	}
	result, err := running.Wait(said)
	return result, said, err
}

// destroy removes what is left of an attempt.
func (b *bench) destroy(client *sdk.Client, r sdk.RunRequest) {
	b.t.Helper()
	err := client.DestroyStep(context.WithoutCancel(b.t.Context()), sdk.DestroyRequest{Attempts: []sdk.AttemptRef{
		{AttemptID: r.Step.AttemptID, Workspace: r.Step.Workspace}}})
	if err != nil {
		b.t.Fatal(err)
	}
}
