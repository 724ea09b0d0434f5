package trigger

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// keeper keeps values by execution.
type keeper map[string]map[string]string

func (k keeper) KeepValues(_ context.Context, id string, values map[string]string) error {
	k[id] = values
	return nil
}

func (k keeper) Values(_ context.Context, id string) (map[string]string, error) { return k[id], nil }

// Secret variables are kept before the execution is, of which only their names are a
// part, and a retry has them, too.
func TestSecretVariables(t *testing.T) {
	t.Parallel()
	store, kept := memory.New(), keeper{}
	ended(t, store)
	s := New(store, func(e *core.Execution) {
		if len(kept[e.ID]) != 1 {
			t.Error("told of an execution whose values are not kept")
		}
	}).WithValues(kept)
	request := core.TriggerRequest{PipelineID: "p", Environment: map[string]string{"A": "1"}, SecretEnvironment: map[string]string{"TOKEN": "hidden"}}
	e, err := s.Trigger(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"TOKEN"}, e.SecretEnvironment); diff != "" || kept[e.ID]["TOKEN"] != "hidden" || len(e.Environment) != 1 {
		t.Errorf("%+v %s", e, diff)
	}
	e.Status = core.StatusFailed
	if err := store.UpdateExecution(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	again, err := s.Retry(t.Context(), core.RetryRequest{ExecutionID: e.ID, Mode: core.RetryAll})
	if err != nil || kept[again.ID]["TOKEN"] != "hidden" || len(again.SecretEnvironment) != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := s.Retry(t.Context(), core.RetryRequest{ExecutionID: e.ID, Mode: core.RetryAll, Environment: map[string]string{"TOKEN": "shown"}}); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("a retry that shows what was secret: %v", err)
	}
	request.Environment["TOKEN"] = "shown"
	if _, err := s.Trigger(t.Context(), request); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("shown and secret: %v", err)
	}
	if _, err := New(store, func(*core.Execution) {}).Trigger(t.Context(), request); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("nobody keeps them: %v", err)
	}
}
