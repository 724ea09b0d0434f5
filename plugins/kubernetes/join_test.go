package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// once is a script that tells how often it ran: it adds a line to a file, waits for
// another file, and prints.
const once = "echo ran >>runs; echo before; while [ ! -e go ]; do sleep 0.05; done; echo after"

// ranOnce checks that script once ran exactly one time.
func (b *bench) ranOnce() {
	b.t.Helper()
	runs, err := os.ReadFile(filepath.Join(b.workspace, "runs"))
	if err != nil || string(runs) != "ran\n" {
		b.t.Errorf("it ran so often: %q, %v", runs, err)
	}
}

// finish lets script once come to its end.
func (b *bench) letFinish() {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.workspace, "go"), nil, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"deaf": "trap '' TERM; echo before; while :; do sleep 1; done",
		"willing": "trap 'echo bye; exit 0' TERM; echo before; while :; do sleep 0.1; done"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request(map[string]any{"script": script})
			running, said, ended := b.start(b.client, r)
			said.awaitOutput(t, "before")
			if err := running.Cancel(2 * time.Second); err != nil {
				t.Fatal(err)
			}
			end := <-ended
			if end.err != nil || end.result.Outcome != sdk.OutcomeCancelled {
				t.Errorf("it ended so: %+v", end)
			}
			if name == "willing" {
				said.awaitOutput(t, "bye")
			}
		})
	}
}

// TestCancelBeforeStart cancels what no node takes.
func TestCancelBeforeStart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": "true", "node_selector": map[string]string{"disk": "none"}})
	r.Step.Secrets = map[string]string{"TOKEN": "s3cret"}
	running, _, ended := b.start(b.client, r)
	if err := running.Cancel(0); err != nil {
		t.Fatal(err)
	}
	if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeCancelled {
		t.Errorf("it ended so: %+v", end)
	}
}

// TestRotatedLog lets go of a step and joins it again while the node throws away the
// beginning of its output, which is longer than the node keeps.
func TestRotatedLog(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": `for i in $(seq 100 169); do seq ${i}0000 ${i}3999; sleep 0.3; done`, "workspace": "none"})
	var whole bytes.Buffer
	next := r
	for _, until := range []int64{500_000, 1_400_000, 0} {
		ctx, letGo := context.WithCancel(t.Context())
		running, err := b.client.RunStep(ctx, next)
		if err != nil {
			t.Fatal(err)
		}
		said := newRecording(next.Offsets)
		said.state = next.State
		ended := make(chan outcome, 1)
		go func() {
			result, err := running.Wait(said)
			ended <- outcome{result, err}
		}()
		if until > 0 {
			said.awaitBytes(t, until)
			letGo()
		}
		if end := <-ended; until == 0 && (end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded) {
			t.Errorf("it ended so: %+v", end)
		}
		letGo()
		whole.Write(said.stdout.Bytes())
		next = said.again(r)
	}
	// A node may throw away what it was too busy to send, but nothing may come twice,
	// nor after what came later.
	last, missing := 0, 0
	for line := range bytes.Lines(whole.Bytes()) {
		if string(line) == lostLines {
			missing++
			continue
		}
		number, err := strconv.Atoi(strings.TrimSuffix(string(line), "\n"))
		if err != nil || number <= last {
			t.Fatalf("there is %q after %d", line, last)
		}
		last = number
	}
	if last != 1_693_999 {
		t.Errorf("the output ends with %d", last)
	}
	t.Logf("%d gaps", missing)
}
