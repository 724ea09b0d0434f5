package main

import (
	"os"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestSweep has three Jobs: one whose attempt's folder is gone, one whose is not, and
// one of another server.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	mine := "mine-" + b.namespace[len(b.namespace)-8:]
	b.connector.sweeper.owner = func() string { return mine }
	s := &sweeper{owner: b.connector.sweeper.owner}
	begin := func(client *sdk.Client) sdk.RunRequest {
		r := b.request(map[string]any{"script": "echo before; sleep 600", "workspace": "none"})
		_, said, _ := b.start(client, r)
		said.awaitOutput(t, "before")
		return r
	}
	orphan, kept := begin(b.client), begin(b.client)
	other := newConnector()
	other.sweeper.owner = func() string { return "another" }
	another := begin(serve(t, other))
	for _, r := range []sdk.RunRequest{orphan, another} {
		if err := os.RemoveAll(r.Step.Workspace.AttemptPath); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.sweep(t.Context(), b.cluster); err != nil {
		t.Fatal(err)
	}
	if left := b.left(orphan.Step.AttemptID); len(left) > 0 {
		t.Errorf("of the orphan there is %v", left)
	}
	for _, r := range []sdk.RunRequest{kept, another} {
		if left := b.left(r.Step.AttemptID); len(left) != 2 {
			t.Errorf("of what is not an orphan there is %v", left)
		}
	}
}
