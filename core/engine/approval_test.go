package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// gated is a pipeline whose second stage must be approved.
func gated(approval core.ApprovalSpec) *core.Spec {
	return &core.Spec{Name: "p", Stages: []core.Stage{
		{Name: "build", Steps: []core.Step{step("a", script{})}},
		{Name: "deploy", Approval: &approval, Steps: []core.Step{step("b", script{})}},
	}}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		decision core.Decision
		status   core.Status
		steps    string
	}{
		"approved": {core.Decision{Approved: true, By: "ann", Comment: "go"}, core.StatusSuccess, "a=success approval=success b=success"},
		"rejected": {core.Decision{By: "ann", Comment: "not on Friday"}, core.StatusFailed, "a=success approval=failed b=skipped"},
		"by stage": {core.Decision{Approved: true, By: "ann", Stage: "deploy"}, core.StatusSuccess, "a=success approval=success b=success"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			waits := w.reaches("deploy/approval", core.StatusWaiting)
			id := w.submit(gated(core.ApprovalSpec{Message: "really?", Approvers: []string{"ann"}}))
			<-waits
			w.restartEngine() // it goes on waiting
			wrong := core.Decision{ExecutionID: id, Approved: true, By: "bob"}
			w.eventually(func() bool { return core.CodeOf(w.engine.Decide(t.Context(), wrong)) == core.CodeForbidden })
			wrong.By, wrong.Step = "ann", "nosuch"
			if err := w.engine.Decide(t.Context(), wrong); core.CodeOf(err) != core.CodeConflict {
				t.Errorf("deciding about another step: %v", err)
			}
			test.decision.ExecutionID = id
			if err := w.engine.Decide(t.Context(), test.decision); err != nil {
				t.Fatal(err)
			}
			if e := w.await(id); e.Status != test.status {
				t.Errorf("the execution is %s: %s", e.Status, e.Reason)
			}
			if got := w.statuses(id); got != test.steps {
				t.Errorf("steps: %s\nwant:  %s", got, test.steps)
			}
			steps, err := w.store.StepRuns(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if a := steps[1].Approval; a == nil || a.By != "ann" || a.Comment != test.decision.Comment || a.DecidedAt == nil || *a.Approved != test.decision.Approved {
				t.Errorf("stored: %+v", a)
			}
			if err := w.engine.Decide(t.Context(), test.decision); core.CodeOf(err) != core.CodeConflict {
				t.Errorf("deciding again: %v", err)
			}
			w.nothingLeft()
		})
	}
}

// eventually repeats what depends on another goroutine having come far enough.
func (w *world) eventually(holds func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			w.t.Fatal("it never came")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestApprovalEnds(t *testing.T) {
	t.Parallel()
	t.Run("by its time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.submit(gated(core.ApprovalSpec{Timeout: core.Duration(time.Millisecond)}))
		if e := w.await(id); e.Status != core.StatusTimeout || !strings.Contains(e.Reason, "nobody approved it within 1ms") {
			t.Errorf("%s: %s", e.Status, e.Reason)
		}
	})
	t.Run("by a cancellation", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		waits := w.reaches("deploy/approval", core.StatusWaiting)
		id := w.submit(gated(core.ApprovalSpec{}))
		<-waits
		if err := w.engine.Cancel(t.Context(), id, "ann"); err != nil {
			t.Fatal(err)
		}
		if e := w.await(id); e.Status != core.StatusCancelled {
			t.Errorf("%s: %s", e.Status, e.Reason)
		}
		w.nothingLeft()
	})
}

func TestApprovalOfAStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(s *core.Step) { s.Approval = &core.ApprovalSpec{} }
	waits := [2]<-chan struct{}{w.reaches("s/a", core.StatusWaiting), w.reaches("s/b", core.StatusWaiting)}
	spec := oneStage(step("a", script{}, ask), step("b", script{}, ask))
	spec.Stages[0].Parallel = true
	id := w.submit(spec)
	<-waits[0]
	<-waits[1]
	w.eventually(func() bool {
		return core.CodeOf(w.engine.Decide(t.Context(), core.Decision{ExecutionID: id, Approved: true, By: "x"})) == core.CodeInvalid
	})
	for _, name := range []string{"a", "b"} {
		if err := w.engine.Decide(t.Context(), core.Decision{ExecutionID: id, Step: name, Approved: true, By: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if e := w.await(id); e.Status != core.StatusSuccess || w.statuses(id) != "a=success b=success" {
		t.Errorf("%s: %s", e.Status, w.statuses(id))
	}
}
