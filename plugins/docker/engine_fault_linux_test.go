package main

import (
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// These set DOCKER_HOST, so they run alone.

// benchOn is a bench on an Engine of the test's own.
func benchOn(t *testing.T, e *ownEngine) *bench {
	t.Helper()
	t.Setenv("DOCKER_HOST", e.host())
	return newBench(t)
}

// TestEngineKilled kills the daemon in the middle of a step and starts it again.
func TestEngineKilled(t *testing.T) {
	t.Run("containers live on", func(t *testing.T) {
		e := newOwnEngine(t, "--live-restore")
		b := benchOn(t, e)
		r := b.request(map[string]any{"script": once, "network": "none"})
		_, said, ended := b.start(b.client, r)
		said.awaitOutput(t, "before\n")
		e.kill()
		e.start()
		b.letGo()
		if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded || said.stdout.String() != "before\nafter" {
			t.Errorf("got %+v, %q", end, said.stdout.String())
		}
		b.ranOnce()
	})
	t.Run("containers end with it", func(t *testing.T) {
		e := newOwnEngine(t)
		b := benchOn(t, e)
		r := b.request(map[string]any{"script": once, "network": "none"})
		_, said, ended := b.start(b.client, r)
		said.awaitOutput(t, "before\n")
		e.kill()
		e.start()
		end := <-ended
		if sdk.ClassOf(end.err) != sdk.ClassLost || !strings.Contains(end.err.Error(), "the Docker Engine was restarted") {
			t.Errorf("got %+v", end)
		}
		if said.stdout.String() != "before\n" {
			t.Errorf("the output is %q", said.stdout.String())
		}
		b.destroy(r)
		b.nothingLeft(r.Step.AttemptID)
	})
}

// TestEngineGone: it does not come back, and nobody waits for ever.
func TestEngineGone(t *testing.T) {
	e := newOwnEngine(t)
	b := benchOn(t, e)
	b.connector.engine.away = time.Second
	for name, cancel := range map[string]bool{"watched": false, "cancelled": true} {
		t.Run(name, func(t *testing.T) {
			r := b.request(map[string]any{"script": "echo ready; sleep 600", "network": "none"})
			running, said, ended := b.start(b.client, r)
			said.awaitOutput(t, "ready")
			e.kill()
			if cancel {
				if err := running.Cancel(time.Second); err != nil {
					t.Fatal(err)
				}
			}
			end := <-ended
			if sdk.ClassOf(end.err) != sdk.ClassExternalService || !strings.Contains(end.err.Error(), "cannot be reached") {
				t.Errorf("got %+v", end)
			}
			e.start()
			b.destroy(r)
			b.nothingLeft(r.Step.AttemptID)
		})
	}
}
