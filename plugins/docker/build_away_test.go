package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/client"

	"github.com/patchbay-ci/patchbay/sdk"
)

// relay stands between a connector and the Engine, so that a test can have the Engine
// go away.
type relay struct {
	to       string
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
}

func newRelay(t *testing.T, engineHost string) *relay {
	t.Helper()
	path, found := strings.CutPrefix(engineHost, "unix://")
	if !found {
		t.Skip("the Engine is not behind a socket")
	}
	folder, err := os.MkdirTemp("", "relay")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(folder, "s"))
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{to: path, listener: listener}
	t.Cleanup(func() { listener.Close(); r.breakOff(); os.RemoveAll(folder) })
	go r.serve()
	return r
}

func (r *relay) serve() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("unix", r.to)
		if err != nil {
			from.Close()
			continue
		}
		r.mu.Lock()
		r.open = append(r.open, from, to)
		r.mu.Unlock()
		for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				pair[0].Close()
			}()
		}
	}
}

// breakOff ends all connections.
func (r *relay) breakOff() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, connection := range r.open {
		connection.Close()
	}
	r.open = nil
}

// away returns a connector that reaches the Engine by a relay.
func (b *bench) away() (*relay, *sdk.Client) {
	b.t.Helper()
	r := newRelay(b.t, b.connector.engine.api.DaemonHost())
	c := newConnector()
	api, err := client.NewClientWithOpts(client.WithHost("unix://"+r.listener.Addr().String()), client.WithAPIVersionNegotiation())
	if err != nil {
		b.t.Fatal(err)
	}
	c.engine.api = api
	return r, serve(b.t, c)
}

// TestEngineBreaksOffABuild has the build begun again: its first layer is from the
// cache, and the output goes on where it was.
func TestEngineBreaksOffABuild(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	relay, there := b.away()
	r := b.toBuild(map[string]any{"image": b.name(), "dockerfile_inline": slowly(b.image, "1")}, nil)
	_, step, ended := b.begin(there, r)
	step.awaitOutput(t, "first layer done\n")
	relay.breakOff()
	<-ended
	step.succeeded(t)
	said := step.stdout.String()
	if strings.Count(said, "the Docker Engine broke off; it begins again") != 1 || strings.Count(said, "Using cache") != 1 || strings.Count(said, "\nslept\n") != 1 {
		t.Errorf("it said\n%s", said)
	}
}

// TestEngineThatStaysAway has the step cancelled while it waits for the Engine.
func TestEngineThatStaysAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	relay, there := b.away()
	r := b.toBuild(map[string]any{"dockerfile_inline": slowly(b.image, "600")}, nil)
	running, step, ended := b.begin(there, r)
	step.awaitOutput(t, "first layer done\n")
	relay.listener.Close()
	relay.breakOff()
	step.awaitProgress(t, "waiting for it")
	if err := running.Cancel(0); err != nil {
		t.Fatal(err)
	}
	<-ended
	if step.err != nil || step.result.Outcome != sdk.OutcomeCancelled {
		t.Errorf("got %+v, %v", step.result, step.err)
	}
	b.destroy(r)
	b.gone(madeBy(t, r))
}
