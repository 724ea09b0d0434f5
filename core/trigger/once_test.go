package trigger

import (
	"sync"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// TestOnce: requests for one ID, many at once and later, get one execution.
func TestOnce(t *testing.T) {
	t.Parallel()
	store := memory.New()
	p := &core.Pipeline{ID: "p", Name: "name", Revision: 1}
	if err := store.CreatePipeline(t.Context(), p, &core.PipelineRevision{PipelineID: "p", Number: 1, Spec: &core.Spec{Name: "name"}}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	told := 0
	s := New(store, func(*core.Execution) {
		mu.Lock()
		defer mu.Unlock()
		told++
	})
	const id = "01936f3e-0000-7000-8000-0000000000aa"
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			e, err := s.Trigger(t.Context(), core.TriggerRequest{PipelineID: "p", ExecutionID: id})
			if err != nil || e.ID != id || e.Number != 1 {
				t.Errorf("%v, %+v", err, e)
			}
		})
	}
	group.Wait()
	list, err := store.Executions(t.Context(), core.ExecutionFilter{})
	if err != nil || len(list) != 1 || told != 1 {
		t.Errorf("%v, %d executions, told %d times", err, len(list), told)
	}
	for _, odd := range []string{"x", "01936F3E-0000-7000-8000-0000000000AA", "{01936f3e-0000-7000-8000-0000000000aa}"} {
		if _, err := s.Trigger(t.Context(), core.TriggerRequest{PipelineID: "p", ExecutionID: odd}); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%s: %v", odd, err)
		}
	}
}
