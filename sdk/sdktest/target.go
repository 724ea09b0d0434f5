package sdktest

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Target is a connector to check. The kit uses it from one goroutine.
type Target interface {
	// Launch returns a client of the running connector, and starts it first if it
	// is not running.
	Launch(ctx context.Context) (*sdk.Client, error)
	// Close ends the connector.
	Close() error
}

// Killer is a Target whose connector can be killed as a crash would.
type Killer interface {
	Target
	// Kill returns when the process is gone. Launch starts another.
	Kill() error
	// Log is what the connector's processes wrote to their standard error so far,
	// or the end of it.
	Log() []byte
	// ProgramName is the base name of the binary.
	ProgramName() string
}

// InMemory is a connector in this process, behind a real gRPC connection.
func InMemory(connector sdk.Connector) Target {
	return &inMemory{register: func(s *grpc.Server) { sdk.RegisterServer(s, connector) }}
}

type inMemory struct {
	register func(*grpc.Server)
	once     sync.Once
	server   *grpc.Server
	conn     *grpc.ClientConn
	err      error
}

// memoryBuffer is how much is under way on an in-memory connection: as little as
// makes a writer wait for its reader.
const memoryBuffer = 64 << 10

// Launch implements Target.
func (m *inMemory) Launch(context.Context) (*sdk.Client, error) {
	m.once.Do(func() {
		listener := bufconn.Listen(memoryBuffer)
		m.server = grpc.NewServer()
		m.register(m.server)
		go func() { _ = m.server.Serve(listener) }() // ends with Close
		m.conn, m.err = grpc.NewClient("passthrough:///memory",
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
	})
	if m.err != nil {
		return nil, m.err
	}
	return sdk.NewClient(m.conn), nil
}

// Close implements Target.
func (m *inMemory) Close() error {
	if m.conn == nil {
		return nil
	}
	err := m.conn.Close()
	m.server.Stop()
	return err
}
