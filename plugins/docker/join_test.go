package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/patchbay-ci/patchbay/sdk"
)

// once is a script that tells how often it ran: it adds a line to a file, waits for
// another file, and prints.
const once = "echo ran >>runs; echo before; while [ ! -e go ]; do sleep 0.05; done; printf after"

// ranOnce checks that script once ran exactly one time.
func (b *bench) ranOnce() {
	b.t.Helper()
	runs, err := os.ReadFile(filepath.Join(b.workspace, "runs"))
	if err != nil || string(runs) != "ran\n" {
		b.t.Errorf("the step ran %q, %v", runs, err)
	}
}

func (b *bench) letGo() {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.workspace, "go"), nil, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func TestJoiningAFinishedStepReplaysIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.letGo()
	r := b.request(map[string]any{"script": once + "; exit 5"})
	if _, _, err := b.run(r); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		have sdk.Offsets
		want string
	}{
		"from the start": {sdk.Offsets{}, "before\nafter"},
		"from within":    {sdk.Offsets{Stdout: 3}, "ore\nafter"},
		"from the end":   {sdk.Offsets{Stdout: 12}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			again := r
			again.Offsets = c.have
			result, said, err := b.run(again)
			if err != nil || result.ExitCode == nil || *result.ExitCode != 5 {
				t.Errorf("got %+v, %v", result, err)
			}
			if got := said.stdout.String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	b.ranOnce()
}

func TestDoubleStart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := serve(t, newConnector()) // as in another process
	r := b.request(map[string]any{"script": once})
	var said []*recording
	var ends []<-chan outcome
	for _, client := range []*sdk.Client{b.client, other, b.client, other} {
		_, recorded, ended := b.start(client, r)
		said, ends = append(said, recorded), append(ends, ended)
	}
	for _, s := range said {
		s.awaitOutput(t, "before\n")
	}
	b.letGo()
	for i, ended := range ends {
		end := <-ended
		if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded || said[i].stdout.String() != "before\nafter" {
			t.Errorf("%d: got %+v, %q, %v", i, end.result, said[i].stdout.String(), end.err)
		}
	}
	b.ranOnce()
	if n := len(b.containers(r.Step.AttemptID)); n != 1 {
		t.Errorf("there are %d containers", n)
	}
}

// TestKilledConnector kills the connector's process in the middle of a step; a new
// one joins.
func TestKilledConnector(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := launch(t)
	r := b.request(map[string]any{"script": once})
	_, said, ended := b.start(first.client, r)
	said.awaitOutput(t, "before\n")
	first.process.Kill()
	if end := <-ended; !errors.Is(end.err, sdk.ErrGone) {
		t.Fatalf("got %+v", end)
	}
	rest := said.again(r)
	if len(rest.State) == 0 {
		t.Error("no state was saved before the output")
	}
	_, more, ended := b.start(launch(t).client, rest)
	b.letGo()
	end := <-ended
	if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	if got := said.stdout.String() + more.stdout.String(); got != "before\nafter" {
		t.Errorf("got %q", got)
	}
	b.ranOnce()
}

// launched is a connector in a process of its own: this test binary.
type launched struct {
	client  *sdk.Client
	process *os.Process
}

func launch(t *testing.T) launched {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self)
	host := plugin.NewClient(&plugin.ClientConfig{HandshakeConfig: sdk.Handshake(), Plugins: sdk.Plugins(nil), Cmd: command,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Logger: hclog.NewNullLogger()})
	t.Cleanup(host.Kill)
	protocol, err := host.Client()
	if err != nil {
		t.Fatal(err)
	}
	dispensed, err := protocol.Dispense(sdk.PluginName)
	if err != nil {
		t.Fatal(err)
	}
	return launched{client: dispensed.(*sdk.Client), process: command.Process}
}

// TestCreatedButNotStarted is the crash between creating and starting.
func TestCreatedButNotStarted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.letGo()
	config := map[string]any{"script": once}
	r := b.request(config)
	_, err := b.connector.engine.api.ContainerCreate(t.Context(), &container.Config{Image: b.image,
		Entrypoint: []string{"sh", "-c", once}, WorkingDir: mountPoint, Labels: map[string]string{labelAttempt: r.Step.AttemptID}},
		&container.HostConfig{LogConfig: logConfig(), Binds: []string{b.workspace + ":" + mountPoint}}, nil, nil,
		containerName(r.Step.AttemptID))
	if err != nil {
		t.Fatal(err)
	}
	result, said, err := b.run(r)
	if err != nil || result.Outcome != sdk.OutcomeSucceeded || said.stdout.String() != "before\nafter" {
		t.Errorf("got %+v, %q, %v", result, said.stdout.String(), err)
	}
	b.ranOnce()
}

func TestLost(t *testing.T) {
	t.Parallel()
	t.Run("before it is joined", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		r := b.request(map[string]any{"script": "echo ran >>runs"})
		_, said, err := b.run(r)
		if err != nil {
			t.Fatal(err)
		}
		b.destroy(r)
		if result, _, err := b.run(said.again(r)); sdk.ClassOf(err) != sdk.ClassLost {
			t.Errorf("got %+v, %v", result, err)
		}
		b.ranOnce()
	})
	t.Run("while it is watched", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		r := b.request(map[string]any{"script": "echo ready; sleep 600"})
		_, said, ended := b.start(b.client, r)
		said.awaitOutput(t, "ready")
		b.destroy(r)
		// It may still be seen dying: then it was killed, by way of the Engine.
		if end := <-ended; sdk.ClassOf(end.err) != sdk.ClassLost && end.result.Signal != "SIGKILL" {
			t.Errorf("got %+v, %v", end.result, end.err)
		}
	})
}

func TestAnotherOnesContainerIsNotJoined(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"command": "true"})
	name := containerName(r.Step.AttemptID)
	if _, err := b.connector.engine.api.ContainerCreate(t.Context(), &container.Config{Image: b.image}, nil, nil, nil, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.connector.engine.remove(context.Background(), name) })
	if _, _, err := b.run(r); err == nil || !strings.Contains(err.Error(), "not this step's") {
		t.Errorf("got %v", err)
	}
}
