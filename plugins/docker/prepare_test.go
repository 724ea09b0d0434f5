package main

import (
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestPreparedStep: the container that was got ready is the one that runs, if it is
// what is asked for then, also when another process of the connector has made it.
func TestPreparedStep(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*sdk.RunRequest)
		other  bool // process runs it
		same   bool
	}{
		"the same":                  {func(*sdk.RunRequest) {}, false, true},
		"the same, another process": {func(*sdk.RunRequest) {}, true, true},
		"other environment":         {func(r *sdk.RunRequest) { r.Step.Environment = map[string]string{"A": "b"} }, false, false},
		"other, another process":    {func(r *sdk.RunRequest) { r.Step.Environment = map[string]string{"A": "b"} }, true, false},
		"of a run that ends":        {func(r *sdk.RunRequest) { r.CancelOnDisconnect = true }, false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request(map[string]any{"command": "echo ran"})
			if err := b.client.PrepareStep(t.Context(), sdk.PrepareStepRequest{Step: r.Step}); err != nil {
				t.Fatal(err)
			}
			made := b.containers(r.Step.AttemptID)
			if len(made) != 1 || made[0].State != container.StateCreated {
				t.Fatalf("got ready: %+v", made)
			}
			c.change(&r)
			client := b.client
			if c.other {
				client = serve(t, newConnector())
			}
			_, said, ended := b.start(client, r)
			end := <-ended
			if end.err != nil || said.stdout.String() != "ran\n" {
				t.Errorf("got %+v, %q", end, said.stdout.String())
			}
			if same := end.result.Metadata["container_id"] == made[0].ID; same != c.same {
				t.Errorf("the container that was got ready is the one that ran: %t", same)
			}
			if n := len(b.containers(r.Step.AttemptID)); n != 1 {
				t.Errorf("there are %d containers", n)
			}
		})
	}
	t.Run("never run", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		r := b.request(map[string]any{"command": "true"})
		if err := b.client.PrepareStep(t.Context(), sdk.PrepareStepRequest{Step: r.Step}); err != nil {
			t.Fatal(err)
		}
		b.destroy(r)
		b.nothingLeft(r.Step.AttemptID)
	})
	t.Run("with services", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		r := b.request(map[string]any{"command": "true", "services": []any{b.greeter("db", nil)}})
		if err := b.client.PrepareStep(t.Context(), sdk.PrepareStepRequest{Step: r.Step}); err != nil {
			t.Fatal(err)
		}
		b.nothingLeft(r.Step.AttemptID)
	})
}
