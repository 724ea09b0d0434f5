package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/patchbay-ci/patchbay/sdk"
)

// forget removes an attempt's result, as if the process had been killed before it was
// written.
func (b *bench) forget(r sdk.RunRequest) {
	b.t.Helper()
	if err := os.Remove(endingPath(r.Step.Workspace.AttemptPath)); err != nil {
		b.t.Fatal(err)
	}
}

// slow is a manifest whose rollout ends when the test makes a ConfigMap.
func (b *bench) slow() string {
	return strings.Replace(b.deployment("slow", "sleep 1000"), "imagePullPolicy", "envFrom: [{configMapRef: {name: go}}], imagePullPolicy", 1)
}

func (b *bench) letGo() { b.succeeds("apply", map[string]any{"manifest": configMap("go", "1")}) }

func TestJoinAndReplay(t *testing.T) {
	b := newBench(t)
	r := b.request("apply", map[string]any{"manifest": b.slow(), "patience": "1m"})
	other := serve(t, newTestConnector()) // as in another process
	_, first, end1 := b.start(b.client, r)
	_, second, end2 := b.start(b.client, r)
	_, third, end3 := b.start(other, r)
	for _, said := range []*recording{first, second, third} {
		said.await(t, "deployment.apps/slow created")
	}
	b.letGo()
	ends := []outcome{<-end1, <-end2, <-end3}
	for i, end := range ends {
		if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded || end.said.text() != first.text() || end.said.outputs["changed"] != "1" {
			t.Errorf("%d: got %+v, %v, %v:\n%s", i, end.result, end.err, end.said.outputs, end.said.text())
		}
	}
	again := r
	again.Offsets.Stdout = 5
	_, _, ended := b.start(other, again)
	if end := <-ended; end.err != nil || end.said.text() != first.text()[5:] {
		t.Errorf("a replay from 5 has %q, %v", end.said.text(), end.err)
	}
}

// TestKilled kills the connector's process in mid-rollout; another takes over.
func TestKilled(t *testing.T) {
	b := newBench(t)
	client, process := launch(t)
	r := b.request("apply", map[string]any{"manifest": b.slow(), "patience": "1m"})
	_, said, ended := b.start(client, r)
	said.await(t, "deployment.apps/slow: ")
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if end := <-ended; !errors.Is(end.err, sdk.ErrGone) {
		t.Fatalf("got %+v, %v", end.result, end.err)
	}
	r.Offsets = said.offsets
	client, _ = launch(t)
	_, rest, ended := b.start(client, r)
	rest.await(t, "it is done again")
	b.letGo()
	end := <-ended
	if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	kept, err := os.ReadFile(filepath.Join(r.Step.Workspace.AttemptPath, "work.out"))
	if err != nil || said.text()+rest.text() != string(kept) {
		t.Errorf("the host has %q, the attempt %q, %v", said.text()+rest.text(), kept, err)
	}
}

// TestKilledThenCancelled has what a killed process did put back by the one that is
// told no more than to stop.
func TestKilledThenCancelled(t *testing.T) {
	b := newBench(t)
	client, process := launch(t)
	r := b.request("apply", map[string]any{"manifest": configMap("one", "1") + "---\n" + b.slow(), "patience": "1m", "on_failure": "rollback"})
	_, said, ended := b.start(client, r)
	said.await(t, "deployment.apps/slow: ")
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	running, _, ended := b.start(b.client, r)
	if err := running.Cancel(time.Second); err != nil {
		t.Fatal(err)
	}
	if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeCancelled {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	if b.value("one") != "none" {
		t.Error("it was not put back")
	}
}

// launch starts a connector in a process of its own: this test binary.
func launch(t *testing.T) (*sdk.Client, *os.Process) {
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
	return dispensed.(*sdk.Client), command.Process
}
