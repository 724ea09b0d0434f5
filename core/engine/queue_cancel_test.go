package engine

import (
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// What never began has nothing to clean up, and somebody else may be in its group.
func TestNothingRunsOfWhatIsCancelledBeforeItBegins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxExecutions = 1 })
	begun := w.begins("a")
	first := w.submit(oneStage(step("a", script{Wait: true})))
	<-begun
	always := func(s *core.Step) { s.Condition = "always()" }
	second := w.submit(oneStage(step("b", script{}), step("c", script{}, always)))
	if err := w.engine.Cancel(t.Context(), second, "ann"); err != nil {
		t.Fatal(err)
	}
	e := w.await(second)
	if e.Status != core.StatusCancelled || e.Reason != "cancelled by ann" || e.StartedAt != nil || e.FinishedAt == nil {
		t.Errorf("%+v", e)
	}
	if got := w.statuses(second); got != "b=cancelled c=cancelled" {
		t.Error(got)
	}
	if err := w.engine.Cancel(t.Context(), second, "ann"); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("again: %v", err)
	}
	w.release()
	w.await(first)
	if got := strings.Join(w.started, " "); got != "a" {
		t.Errorf("ran: %s", got)
	}
	w.nothingLeft()
}

// A wish that was stored when there was no engine to act on it is not forgotten.
func TestCancelledWhileNoEngineWasThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.engine.Pause(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	id := w.enqueue("p", func(e *core.Execution) { e.CancelRequested = "ann" })
	if e := w.await(id); e.Status != core.StatusCancelled {
		t.Errorf("submitted: %s", e.Status)
	}
	waits := w.enqueue("p", nil)
	if err := w.engine.Shutdown(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	e, err := w.store.Execution(t.Context(), waits)
	if err != nil {
		t.Fatal(err)
	}
	e.CancelRequested = "bob"
	if err := w.store.UpdateExecution(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.startEngine()
	if err := w.engine.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := w.await(waits); e.Status != core.StatusCancelled || e.Reason != "cancelled by bob" {
		t.Errorf("recovered: %s: %s", e.Status, e.Reason)
	}
}

// One that has been cancelled while it waited for an approval cleans up at once, also
// when all slots are taken for long.
func TestCleanUpNeedsNoFreeSlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxExecutions = 1 })
	spec := gated(core.ApprovalSpec{})
	spec.Stages = append(spec.Stages, core.Stage{Name: "after", Condition: "always()", Steps: []core.Step{step("tidy", script{})}})
	waits, begun := w.reaches("deploy/approval", core.StatusWaiting), w.begins("long")
	id := w.submit(spec)
	<-waits
	w.enqueue("long", nil) // it has the slot of the one that waits
	<-begun
	if err := w.engine.Cancel(t.Context(), id, "ann"); err != nil {
		t.Fatal(err)
	}
	if e := w.await(id); e.Status != core.StatusCancelled || !strings.HasSuffix(w.statuses(id), "tidy=success") {
		t.Errorf("%s: %s", e.Status, w.statuses(id))
	}
}

// The newest of a group wins, also over a restart: the older one that waits does not
// cancel the newer one that runs.
func TestNewestWinsOverARestart(t *testing.T) {
	t.Parallel()
	settings := core.Concurrency{Group: "deploy", CancelInProgress: true}
	grouped := func(e *core.Execution) { e.Concurrency = &settings }
	w := newWorld(t)
	if err := w.engine.Pause(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	older := w.enqueue("p", grouped)
	if err := w.engine.Shutdown(t.Context(), false); err != nil { // nobody told it of the newer one
		t.Fatal(err)
	}
	w.startEngine()
	begun := w.begins("p")
	newer := w.enqueue("p", grouped)
	<-begun
	w.restartEngine()
	if e := w.await(older); e.Status != core.StatusCancelled {
		t.Errorf("the older is %s: %s", e.Status, e.Reason)
	}
	w.release()
	if e := w.await(newer); e.Status != core.StatusSuccess {
		t.Errorf("the newer is %s: %s", e.Status, e.Reason)
	}
}

// Of many that supersede each other only the last runs.
func TestManySupersedeEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []string
	for range 200 {
		ids = append(ids, w.enqueue("p", func(e *core.Execution) {
			e.Concurrency = &core.Concurrency{Group: "deploy", CancelInProgress: true}
		}))
	}
	ends := w.finishAll(ids...)
	for _, id := range ids[:199] {
		if ends[id].Status != core.StatusCancelled {
			t.Errorf("%s: %s", ends[id].Status, ends[id].Reason)
		}
	}
	if ends[ids[199]].Status != core.StatusSuccess {
		t.Errorf("the last is %s", ends[ids[199]].Status)
	}
}
