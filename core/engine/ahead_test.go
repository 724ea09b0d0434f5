package engine

import (
	"context"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// preparing is a scripted connector that gets ready for steps.
type preparing struct{ scripted }

func (p *preparing) PrepareStep(_ context.Context, r sdk.PrepareStepRequest) error {
	p.w.mu.Lock()
	p.w.work[r.Step.AttemptID] = nil // known, and not begun
	p.w.mu.Unlock()
	p.w.prepared <- &r.Step
	return nil
}

// begin makes real what was announced.
func (p *preparing) RunStep(ctx context.Context, r sdk.RunRequest, s *sdk.Session) (sdk.Result, error) {
	p.w.mu.Lock()
	if work, known := p.w.work[r.Step.AttemptID]; known && work == nil {
		delete(p.w.work, r.Step.AttemptID)
	}
	p.w.mu.Unlock()
	return p.scripted.RunStep(ctx, r, s)
}

func (p *preparing) DestroyStep(ctx context.Context, r sdk.DestroyRequest) error {
	p.w.mu.Lock()
	for _, a := range r.Attempts {
		if work, known := p.w.work[a.AttemptID]; known && work == nil {
			delete(p.w.work, a.AttemptID)
		}
	}
	p.w.mu.Unlock()
	return p.scripted.DestroyStep(ctx, r)
}

func newPreparingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.cut()
	w.prepared = make(chan *sdk.Step, 100)
	w.connect()
	return w
}

// The step that begins next is announced while the one before it runs, and begins as
// the attempt that was announced.
func TestNextStepIsAnnounced(t *testing.T) {
	t.Parallel()
	w := newPreparingWorld(t)
	first := w.begins("a")
	id := w.submit(oneStage(step("a", script{Wait: true}), step("b", script{Wait: true}), step("c", script{}),
		step("last", script{}, func(s *core.Step) { s.Condition = "always()" })))
	<-first
	for _, name := range []string{"b", "c"} {
		announced := <-w.prepared
		if got := announced.Environment["CI_STEP_NAME"]; got != name {
			t.Fatalf("%q was announced, want %q", got, name)
		}
		begins := w.begins(name)
		w.release()
		<-begins
		w.mu.Lock()
		if w.work[announced.AttemptID] == nil {
			t.Errorf("%s began as another attempt than %s, which was announced", name, announced.AttemptID)
		}
		w.mu.Unlock()
	}
	if e := w.await(id); e.Status != core.StatusSuccess {
		t.Errorf("%s: %s", e.Status, e.Reason)
	}
	if len(w.prepared) > 0 {
		t.Errorf("%s was announced, which begins whatever happens before", (<-w.prepared).Environment["CI_STEP_NAME"])
	}
	w.nothingLeft()
}

// What was announced and does not begin is destroyed, for whatever reason.
func TestAnnouncedInVain(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, id string){
		"the step before fails": func(w *world, _ string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, work := range w.work {
				if work != nil {
					work.end(sdk.Exited(1))
				}
			}
		},
		"the run is cancelled": func(w *world, id string) { _ = w.engine.Cancel(context.Background(), id, "ann") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPreparingWorld(t)
			first := w.begins("a")
			id := w.submit(oneStage(step("a", script{Wait: true}), step("b", script{})))
			<-first
			announced := <-w.prepared
			end(w, id)
			w.await(id)
			w.mu.Lock()
			if _, left := w.work[announced.AttemptID]; left {
				t.Error("the announced attempt was not destroyed")
			}
			w.mu.Unlock()
			w.nothingLeft()
		})
	}
}

// What a step is told must not depend on what happens before it begins.
func TestNotForeseeable(t *testing.T) {
	t.Parallel()
	w := newPreparingWorld(t)
	id := w.submit(oneStage(step("a", script{Output: "x"}), step("b", script{Text: "${{ steps.a.outputs.value }}"}),
		step("c", script{}, func(s *core.Step) { s.Condition = "branch == 'main'" })))
	if e := w.await(id); e.Status != core.StatusSuccess {
		t.Errorf("%s: %s", e.Status, e.Reason)
	}
	for len(w.prepared) > 0 {
		t.Errorf("%s was announced", (<-w.prepared).Environment["CI_STEP_NAME"])
	}
}
