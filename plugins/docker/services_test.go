package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"

	"github.com/patchbay-ci/patchbay/sdk"
)

// greeter is a service that says hello at a port, a while after it began.
func (b *bench) greeter(name string, check map[string]any) map[string]any {
	s := map[string]any{"name": name, "image": b.image, "environment": map[string]any{"WORD": "hello"},
		"command": "echo $WORD from " + name + "; sleep 0.3; while :; do echo $WORD | nc -l -p 9000; done"}
	if check != nil {
		s["health_check"] = check
	}
	return s
}

// nothingLeft checks that an attempt has left no container and no network.
func (b *bench) nothingLeft(attemptID string) {
	b.t.Helper()
	if left := b.containers(attemptID); len(left) > 0 {
		b.t.Errorf("containers are left: %v", left)
	}
	networks, err := b.connector.engine.api.NetworkList(b.t.Context(), network.ListOptions{Filters: labelled(labelAttempt + "=" + attemptID)})
	if err != nil || len(networks) > 0 {
		b.t.Errorf("networks are left: %v, %v", networks, err)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	checks := map[string]map[string]any{
		"command": {"command": "grep -q :2328 /proc/net/tcp /proc/net/tcp6", "interval": "100ms"},
		"tcp":     {"tcp": 9000, "interval": "100ms"},
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request(map[string]any{"command": "nc db 9000 </dev/null; nc other 9000 </dev/null",
				"services": []any{b.greeter("db", check), b.greeter("other", check)}})
			result, said, err := b.run(r)
			if err != nil || result.Outcome != sdk.OutcomeSucceeded || said.stdout.String() != "hello\nhello\n" {
				t.Errorf("got %+v, %q, %v: %s", result, said.stdout.String(), err, said.stderr.String())
			}
			if said.stderr.Len() > 0 {
				t.Errorf("a step that went well says %q", said.stderr.String())
			}
			err = b.connector.PostExecute(t.Context(), sdk.PostExecuteRequest{Attempt: sdk.AttemptRef{AttemptID: r.Step.AttemptID, State: said.state}})
			if err != nil {
				t.Error(err)
			}
			b.nothingLeft(r.Step.AttemptID)
		})
	}
}

// TestServicesSayWhyAStepFailed: also to one who joins in the middle of it.
func TestServicesSayWhyAStepFailed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"command": "echo mine >&2; exit 3", "services": []any{b.greeter("db", nil)}})
	result, said, err := b.run(r)
	if err != nil || result.ExitCode == nil || *result.ExitCode != 3 || said.stderr.String() != "mine\n[db] hello from db\n" {
		t.Errorf("got %+v, %q, %v", result, said.stderr.String(), err)
	}
	again := said.again(r)
	again.Offsets.Stderr = 7
	_, rest, err := b.run(again)
	if err != nil || rest.stderr.String() != "b] hello from db\n" {
		t.Errorf("got %q, %v", rest.stderr.String(), err)
	}
	b.destroy(r)
	b.nothingLeft(r.Step.AttemptID)
}

func TestServicesThatDoNotGetReady(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	service := func(command string, check map[string]any) map[string]any {
		return map[string]any{"name": "db", "image": b.image, "command": command, "health_check": check}
	}
	cases := map[string]struct {
		service map[string]any
		class   sdk.ErrorClass
		says    string
		log     string
	}{
		"never healthy": {service("echo alive; sleep 600", map[string]any{"command": "echo not yet; false", "interval": "20ms", "retries": 3}),
			sdk.ClassExternalService, `the service db did not get ready: 3 tries have failed, the last one: the command ended with the exit code 1 and said "not yet\n"`, "[db] alive\n"},
		"no port": {service("echo alive; sleep 600", map[string]any{"tcp": 9000, "interval": "20ms", "retries": 3}),
			sdk.ClassExternalService, "connection refused", "[db] alive\n"},
		"ended": {service("echo no disk; exit 4", map[string]any{"tcp": 9000, "interval": "50ms"}),
			sdk.ClassExternalService, "it has ended with the exit code 4", "[db] no disk\n"},
		"slow check": {service("echo alive; sleep 600", map[string]any{"command": "sleep 600", "timeout": "300ms", "interval": "10ms", "retries": 1}),
			sdk.ClassExternalService, "the command took too long", "[db] alive\n"},
		"no image": {map[string]any{"name": "db", "image": "127.0.0.1:1/none:1"}, sdk.ClassExternalService, "127.0.0.1:1/none:1 cannot be pulled", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request(map[string]any{"command": "touch ran", "services": []any{c.service}})
			_, said, err := b.run(r)
			if sdk.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s: %v", sdk.ClassOf(err), err)
			}
			if said.stderr.String() != c.log {
				t.Errorf("the log has %q, not %q", said.stderr.String(), c.log)
			}
			if _, err := os.Stat(filepath.Join(b.workspace, "ran")); err == nil {
				t.Error("the step ran")
			}
			b.destroy(r)
			b.nothingLeft(r.Step.AttemptID)
		})
	}
}

func TestCancelWhileAServiceGetsReady(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"command": "true", "services": []any{map[string]any{"name": "db", "image": b.image,
		"command": "sleep 600", "health_check": map[string]any{"tcp": 9000, "interval": "30s", "retries": 1000}}}})
	running, said, ended := b.start(b.client, r)
	said.awaitProgress(t, "waiting for the service db")
	if err := running.Cancel(long); err != nil {
		t.Fatal(err)
	}
	if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeCancelled {
		t.Errorf("got %+v", end)
	}
	b.destroy(r)
	b.nothingLeft(r.Step.AttemptID)
}

// TestKilledConnectorWithServices: the next process finds step and services.
func TestKilledConnectorWithServices(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := launch(t)
	check := map[string]any{"tcp": 9000, "interval": "100ms"}
	r := b.request(map[string]any{"script": once + "; nc db 9000 </dev/null", "services": []any{b.greeter("db", check)}})
	_, said, ended := b.start(first.client, r)
	said.awaitOutput(t, "before\n")
	first.process.Kill()
	<-ended
	_, more, ended := b.start(launch(t).client, said.again(r))
	b.letGo()
	if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded || more.stdout.String() != "afterhello\n" {
		t.Errorf("got %+v, %q", end, more.stdout.String())
	}
	b.ranOnce()
	if n := len(b.containers(r.Step.AttemptID)); n != 2 {
		t.Errorf("there are %d containers", n)
	}
	b.destroy(r)
	b.nothingLeft(r.Step.AttemptID)
}
