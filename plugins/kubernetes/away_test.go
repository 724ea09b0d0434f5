package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestClusterAway breaks all connections to the cluster while a step runs, and keeps
// it away for a while: no line may be lost or doubled, and the step runs once.
func TestClusterAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	line := newLine(t, b.cluster.Config.Host)
	text, err := os.ReadFile(os.Getenv("PATCHBAY_TEST_KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	r := b.request(map[string]any{"kubeconfig": "CLUSTER", "script": `echo ran >>runs; i=0
while [ $i -lt 300 ]; do echo "line $i"; printf 'part of '; sleep 0.02; echo "line $i again"; i=$((i+1)); done`})
	r.Step.Secrets = map[string]string{"CLUSTER": strings.ReplaceAll(string(text), b.cluster.Config.Host, line.address)}
	_, said, ended := b.start(b.client, r)
	for _, moment := range []string{"line 20\n", "line 90\n", "line 200\n"} {
		said.awaitOutput(t, moment)
		line.cut(1500 * time.Millisecond)
	}
	end := <-ended
	if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
		t.Fatalf("it ended so: %+v", end)
	}
	var want strings.Builder
	for i := range 300 {
		fmt.Fprintf(&want, "line %d\npart of line %d again\n", i, i)
	}
	if diff := cmp.Diff(want.String(), said.stdout.String()); diff != "" {
		t.Error(diff)
	}
	b.ranOnce()
}

// line is a way to the cluster that can be cut.
type line struct {
	address string
	to      string

	mu    sync.Mutex
	away  time.Time
	conns map[net.Conn]bool
}

func newLine(t *testing.T, host string) *line {
	t.Helper()
	target, err := url.Parse(host)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l := &line{address: "https://" + listener.Addr().String(), to: target.Host, conns: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(conn)
		}
	}()
	return l
}

func (l *line) carry(from net.Conn) {
	defer from.Close()
	l.mu.Lock()
	away := time.Now().Before(l.away)
	l.mu.Unlock()
	if away {
		return
	}
	to, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer to.Close()
	l.mu.Lock()
	l.conns[from], l.conns[to] = true, true
	l.mu.Unlock()
	go func() {
		_, _ = io.Copy(to, from)
		to.Close()
	}()
	_, _ = io.Copy(from, to)
}

// cut breaks all connections and takes no new ones for a while.
func (l *line) cut(length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = time.Now().Add(length)
	for conn := range l.conns {
		conn.Close()
	}
	clear(l.conns)
}
