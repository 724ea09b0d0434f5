package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// long is a grace period that no test waits for.
const long = 10 * time.Minute

func TestCancel(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		script string
		grace  time.Duration
		last   string
	}{
		"ends by itself":     {"trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done", long, "ready\nbye\n"},
		"ends by the signal": {"echo ready; sleep 600", long, "ready\n"},
		"takes no notice":    {"trap '' TERM; echo ready; while :; do sleep 0.05; done", 100 * time.Millisecond, "ready\n"},
		"no grace":           {"trap 'echo bye' TERM; echo ready; while :; do sleep 0.05; done", 0, "ready\n"},
		"much to say still": {"trap 'head -c 3000000 /dev/zero | tr \"\\0\" x; exit 3' TERM; echo ready; while :; do sleep 0.05; done",
			long, "ready\n" + strings.Repeat("x", 3_000_000)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request(map[string]any{"script": c.script})
			running, said, ended := b.start(b.client, r)
			said.awaitOutput(t, "ready\n")
			if err := running.Cancel(c.grace); err != nil {
				t.Fatal(err)
			}
			end := <-ended
			if end.err != nil || end.result.Outcome != sdk.OutcomeCancelled {
				t.Errorf("got %+v, %v", end.result, end.err)
			}
			if got := said.stdout.String(); got != c.last {
				t.Errorf("%d bytes of output, want %d", len(got), len(c.last))
			}
			for _, left := range b.containers(r.Step.AttemptID) {
				if left.State == "running" {
					t.Error("it is still running")
				}
			}
		})
	}
}

func TestCancelledBeforeItBegan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"command": "true"})
	release, err := b.connector.locks.take(t.Context(), r.Step) // holds it up
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	running, _, ended := b.start(b.client, r)
	if err := running.Cancel(long); err != nil {
		t.Fatal(err)
	}
	if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeCancelled {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	if left := b.containers(r.Step.AttemptID); len(left) > 0 {
		t.Errorf("it was created all the same: %v", left)
	}
}

// TestDetach lets go of a step, which goes on, and joins it again.
func TestDetach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": once})
	said := newRecording(sdk.Offsets{})
	ctx, detach := context.WithCancel(t.Context())
	running, err := b.client.RunStep(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := running.Wait(said)
		ended <- outcome{result, err}
	}()
	said.awaitOutput(t, "before\n")
	detach()
	if end := <-ended; end.err == nil {
		t.Errorf("got the result %+v", end.result)
	}
	b.letGo()
	result, more, err := b.run(said.again(r))
	if err != nil || result.Outcome != sdk.OutcomeSucceeded || more.stdout.String() != "after" {
		t.Errorf("got %+v, %q, %v", result, more.stdout.String(), err)
	}
	b.ranOnce()
}

func TestCancelOnDisconnect(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": "echo ready; sleep 600"})
	r.CancelOnDisconnect = true
	said := newRecording(sdk.Offsets{})
	ctx, disconnect := context.WithCancel(t.Context())
	running, err := b.client.RunStep(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		_, _ = running.Wait(said)
	}()
	said.awaitOutput(t, "ready\n")
	disconnect()
	<-waited
	if err := b.connector.engine.wait(t.Context(), containerName(r.Step.AttemptID)); err != nil {
		t.Error(err)
	}
}

func TestDestroy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": "echo ready; sleep 600"})
	_, said, ended := b.start(b.client, r)
	said.awaitOutput(t, "ready\n")
	unknown := sdk.AttemptRef{AttemptID: "never/heard of"}
	both := sdk.DestroyRequest{Attempts: []sdk.AttemptRef{{AttemptID: r.Step.AttemptID}, unknown}}
	for range 2 {
		if err := b.client.DestroyStep(t.Context(), both); err != nil {
			t.Error(err)
		}
		if left := b.containers(r.Step.AttemptID); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	<-ended
}

func TestPostExecuteRemoves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"command": "true"})
	result, _, err := b.run(r)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.containers(r.Step.AttemptID)); n != 1 {
		t.Errorf("%d containers before the result is stored, want 1", n)
	}
	for range 2 {
		err := b.client.PostExecute(t.Context(), sdk.PostExecuteRequest{
			Attempt: sdk.AttemptRef{AttemptID: r.Step.AttemptID}, Result: result})
		if err != nil {
			t.Error(err)
		}
		if left := b.containers(r.Step.AttemptID); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}
