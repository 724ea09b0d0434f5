package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// deploying is a pipeline whose second stage is in a group, and waits there.
func deploying(name, group string) *core.Spec {
	return &core.Spec{Name: name, Stages: []core.Stage{
		{Name: "build", Steps: []core.Step{step("build-"+name, script{})}},
		{Name: "deploy", Concurrency: &core.Concurrency{Group: group},
			Steps: []core.Step{step("deploy-"+name, script{Wait: true}), step("check-"+name, script{})}}}}
}

// ran reports whether the work of a step has begun.
func (w *world) ran(step string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range w.started {
		if name == step {
			return true
		}
	}
	return false
}

// waitsFor waits until an execution stands in line for a group.
func (w *world) waitsFor(execution string) {
	w.t.Helper()
	w.eventually(func() bool {
		w.engine.mu.Lock()
		defer w.engine.mu.Unlock()
		for m := range w.engine.entering {
			if m.Execution == execution {
				return true
			}
		}
		return false
	})
}

// A stage that was skipped lets the next one into its group.
func TestGroupAfterWhatWasSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec := deploying("p", "g")
	spec.Stages[0].Condition = "branch == 'other'"
	begun := w.begins("deploy-p")
	id := w.submit(spec)
	<-begun
	w.release()
	if e := w.await(id); e.Status != core.StatusSuccess {
		t.Errorf("%s: %s", e.Status, e.Reason)
	}
}

// The stage that is in the group is in it after a restart, whoever is quicker.
func TestStageKeepsItsGroupOverARestart(t *testing.T) {
	t.Parallel()
	for range 5 { // who is quicker is chance
		w := newWorld(t)
		var others []string
		begun := w.begins("deploy-first")
		first := w.submit(deploying("first", "g"))
		<-begun
		for _, name := range []string{"a", "b", "c"} {
			id := w.submit(deploying(name, "g"))
			w.waitsFor(id)
			others = append(others, id)
		}
		w.restartEngine()
		for _, id := range others {
			w.waitsFor(id)
		}
		for _, name := range []string{"a", "b", "c"} {
			if w.ran("deploy-" + name) {
				t.Fatalf("%s is in the group, too", name)
			}
		}
		w.finishAll(append(others, first)...)
	}
}

// Each has the group that the other wants: one is cancelled, and the other goes on.
func TestTwoThatWaitForEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	submit := func(own, other string) string {
		spec := deploying(own, other)
		spec.Stages[0].Steps[0] = step("build-"+own, script{Wait: true})
		if err := w.store.CreatePipeline(t.Context(), &core.Pipeline{ID: own, Name: own, Revision: 1},
			&core.PipelineRevision{PipelineID: own, Number: 1, Spec: spec}); err != nil {
			t.Fatal(err)
		}
		begun := w.begins("build-" + own)
		id := w.enqueue(own, func(e *core.Execution) { e.Concurrency = &core.Concurrency{Group: own} })
		<-begun
		return id
	}
	a, b := submit("A", "B"), submit("B", "A")
	ends := w.finishAll(a, b)
	lost, won := ends[a], ends[b]
	if lost.Status == core.StatusSuccess {
		lost, won = won, lost
	}
	if lost.Status != core.StatusCancelled || !strings.Contains(lost.Reason, "would wait for ever for group") {
		t.Errorf("one is %s: %s", lost.Status, lost.Reason)
	}
	if won.Status != core.StatusSuccess {
		t.Errorf("the other is %s: %s", won.Status, won.Reason)
	}
}

// A stage that cancels what is in progress does so to other executions, not its own.
func TestStageCancelsInProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cancelling := func(name string) *core.Spec {
		spec := deploying(name, "g")
		spec.Stages[1].Concurrency.CancelInProgress = true
		return spec
	}
	begun := w.begins("deploy-old")
	old := w.submit(cancelling("old"))
	<-begun
	begun = w.begins("deploy-new")
	newer := w.submit(cancelling("new"))
	<-begun
	ends := w.finishAll(old, newer)
	if e := ends[old]; e.Status != core.StatusCancelled || e.Reason != "cancelled by a newer execution of group g" {
		t.Errorf("the old is %s: %s", e.Status, e.Reason)
	}
	if e := ends[newer]; e.Status != core.StatusSuccess {
		t.Errorf("the new is %s: %s", e.Status, e.Reason)
	}
}

// One that waits for a person leaves its slot to others, and has it again when they
// have ended, before anything new.
func TestApprovalHoldsNoSlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxExecutions = 1 })
	waits, begun := w.reaches("deploy/approval", core.StatusWaiting), w.begins("p")
	gatedID := w.submit(gated(core.ApprovalSpec{}))
	<-waits
	ids := []string{w.enqueue("p", nil), w.enqueue("q", nil)}
	<-begun
	if err := w.engine.Decide(t.Context(), core.Decision{ExecutionID: gatedID, Approved: true, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() bool {
		w.engine.mu.Lock()
		defer w.engine.mu.Unlock()
		return w.engine.reclaims[gatedID] != nil
	})
	for _, e := range w.finishAll(append(ids, gatedID)...) {
		if e.Status != core.StatusSuccess {
			t.Errorf("%s is %s: %s", e.PipelineName, e.Status, e.Reason)
		}
	}
	if got := strings.Join(w.started, " "); got != "a p b q" {
		t.Errorf("order: %s", got)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	drain := func(w *world, ctx context.Context) <-chan error {
		drained := make(chan error, 1)
		go func() { drained <- w.engine.Drain(ctx, "ann") }()
		w.eventually(func() bool {
			w.engine.mu.Lock()
			defer w.engine.mu.Unlock()
			return w.engine.changed != nil && w.engine.queue.Paused()
		})
		return drained
	}
	w := newWorld(t)
	begun := w.begins("p")
	id := w.enqueue("p", nil)
	<-begun

	ctx, cancel := context.WithCancel(t.Context())
	drained := drain(w, ctx)
	cancel()
	if err := <-drained; err != context.Canceled {
		t.Errorf("nobody waits any more: %v", err)
	}
	if !w.engine.Queue(t.Context()).Paused {
		t.Error("it does not stay paused")
	}
	if err := w.engine.Resume(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	drained = drain(w, t.Context())
	if err := w.engine.Resume(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if err := <-drained; core.CodeOf(err) != core.CodeConflict {
		t.Errorf("resumed meanwhile: %v", err)
	}
	drained = drain(w, t.Context())
	waits := w.enqueue("p", nil)
	w.finishAll(id)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if w.engine.Queue(t.Context()).Waiting != 1 {
		t.Error("what waits does not wait any more")
	}
	if err := w.engine.Drain(t.Context(), "ann"); err != nil {
		t.Errorf("when nothing runs: %v", err)
	}
	if err := w.engine.Resume(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	w.finishAll(waits)
}
