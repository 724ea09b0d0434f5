package sdk

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// plain is a connector made of one function.
type plain struct {
	run func(ctx context.Context, r RunRequest, s *Session) (Result, error)
}

func (p *plain) Info() Info {
	return Info{Name: "plain", Version: "1.0.0", Summary: "A function", Actions: []ActionInfo{{Name: "run"}}}
}

func (p *plain) RunStep(ctx context.Context, r RunRequest, s *Session) (Result, error) {
	return p.run(ctx, r, s)
}

// link is a connector behind a real gRPC connection in memory.
type link struct {
	client   *Client
	server   *server
	grpc     *grpc.Server
	conn     *grpc.ClientConn
	listener *bufconn.Listener
}

// wireSize is how much fits into the pipe itself.
const wireSize = 64 << 10

func connect(t testing.TB, connector Connector) *link {
	t.Helper()
	l := &link{server: newServer(connector), grpc: grpc.NewServer(serverOptions()...), listener: bufconn.Listen(wireSize)}
	l.server.register(l.grpc)
	go func() { _ = l.grpc.Serve(l.listener) }() // ends with Stop
	t.Cleanup(l.grpc.Stop)
	var err error
	l.conn, err = grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.conn.Close() })
	l.client = NewClient(l.conn)
	return l
}

func connectFunc(t testing.TB, run func(ctx context.Context, r RunRequest, s *Session) (Result, error)) *link {
	t.Helper()
	return connect(t, &plain{run: run})
}

// heard keeps what an attempt says.
type heard struct {
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	from           map[bool]int64
	chunks         []OutputChunk
	states         []string
	outputs        map[string]string
	progress       []int
	onOutput       func() error
}

func (h *heard) Output(c OutputChunk) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	buffer := &h.stdout
	if c.Stderr {
		buffer = &h.stderr
	}
	if h.from == nil {
		h.from = map[bool]int64{}
	}
	if buffer.Len() == 0 {
		h.from[c.Stderr] = c.Offset
	}
	buffer.Write(c.Data)
	h.chunks = append(h.chunks, OutputChunk{Stderr: c.Stderr, Offset: c.Offset, Data: make([]byte, len(c.Data))})
	if h.onOutput != nil {
		return h.onOutput()
	}
	return nil
}

func (h *heard) Progress(_ string, percent int) error {
	h.progress = append(h.progress, percent)
	return nil
}

func (h *heard) State(state []byte) error {
	h.states = append(h.states, string(state))
	return nil
}

func (h *heard) SetOutput(name, value string) error {
	if h.outputs == nil {
		h.outputs = map[string]string{}
	}
	h.outputs[name] = value
	return nil
}

// runStep starts a step and waits for its end.
func runStep(t testing.TB, l *link, r RunRequest, events Events) (Result, error) {
	t.Helper()
	running, err := l.client.RunStep(context.Background(), r)
	if err != nil {
		return Result{}, err
	}
	return running.Wait(events)
}
