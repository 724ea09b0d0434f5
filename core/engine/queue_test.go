package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// enqueue stores an execution of a pipeline whose one step waits, and submits it.
func (w *world) enqueue(pipeline string, change func(*core.Execution)) string {
	w.t.Helper()
	ctx := w.t.Context()
	if _, err := w.store.Pipeline(ctx, pipeline); err != nil {
		spec := oneStage(step(pipeline, script{Wait: true}))
		if err := w.store.CreatePipeline(ctx, &core.Pipeline{ID: pipeline, Name: pipeline, Revision: 1},
			&core.PipelineRevision{PipelineID: pipeline, Number: 1, Spec: spec}); err != nil {
			w.t.Fatal(err)
		}
	}
	e := &core.Execution{ID: uuid.Must(uuid.NewV7()).String(), PipelineID: pipeline, PipelineName: pipeline, Revision: 1,
		Status: core.StatusPending, Trigger: core.TriggerInfo{Type: core.TriggerManual}}
	if change != nil {
		change(e)
	}
	if err := w.store.CreateExecution(ctx, e); err != nil {
		w.t.Fatal(err)
	}
	w.engine.Submit(e)
	return e.ID
}

// runningNow waits until so many executions run, and returns the state of the queue.
func (w *world) runningNow(n int) core.QueueState {
	w.t.Helper()
	var state core.QueueState
	w.eventually(func() bool {
		state = w.engine.Queue(w.t.Context())
		return state.Running == n
	})
	return state
}

// finishAll ends the work of steps until every execution has ended.
func (w *world) finishAll(ids ...string) map[string]*core.Execution {
	w.t.Helper()
	ends := map[string]*core.Execution{}
	w.eventually(func() bool {
		w.release()
		for _, id := range ids {
			e, err := w.store.Execution(w.t.Context(), id)
			if err != nil {
				w.t.Fatal(err)
			}
			if e.Status.Terminal() {
				ends[id] = e
			}
		}
		return len(ends) == len(ids)
	})
	return ends
}

func TestPauseOverARestart(t *testing.T) {
	t.Parallel()
	settings := memory.New()
	w := newWorld(t, func(o *Options) { o.Settings = settings })
	begun := w.begins("p")
	first := w.enqueue("p", nil)
	<-begun
	if err := w.engine.Pause(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	second := w.enqueue("p", nil)
	for range 2 {
		if state := w.runningNow(1); !state.Paused || state.Waiting != 1 || state.Entries[0].ExecutionID != second || state.Entries[0].Reason != "the queue is paused" {
			t.Errorf("%+v", state)
		}
		w.restartEngine() // what ran goes on, nothing new starts
	}
	drained := make(chan error, 1)
	go func() { drained <- w.engine.Drain(context.WithoutCancel(t.Context()), "ann") }()
	w.finishAll(first)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if err := w.engine.Resume(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	if ends := w.finishAll(second); ends[second].Status != core.StatusSuccess {
		t.Errorf("%+v", ends[second])
	}
	w.restartEngine()
	if w.engine.Queue(t.Context()).Paused {
		t.Error("it is paused again")
	}
}

func TestLimitsAndPriorities(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxExecutions = 2 })
	limited := func(e *core.Execution) { e.PipelineLimit = 1 }
	ids := []string{w.enqueue("a", limited), w.enqueue("a", limited), w.enqueue("b", nil)}
	w.runningNow(2)
	ids = append(ids, w.enqueue("c", nil), w.enqueue("d", func(e *core.Execution) { e.Priority = 7 }))
	state := w.engine.Queue(t.Context())
	if state.Slots != 2 || state.Waiting != 3 || state.Entries[0].PipelineName != "d" || !strings.Contains(state.Entries[2].Reason, "is its limit") {
		t.Errorf("%+v", state)
	}
	for _, e := range w.finishAll(ids...) {
		if e.Status != core.StatusSuccess {
			t.Errorf("%s is %s", e.PipelineName, e.Status)
		}
	}
}

// With one slot, the order is that of the priorities, and pipelines of one take turns.
func TestOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxExecutions = 1 })
	begun := w.begins("first")
	ids := []string{w.enqueue("first", nil)}
	<-begun
	priority := func(n int) func(*core.Execution) { return func(e *core.Execution) { e.Priority = n } }
	for range 3 {
		ids = append(ids, w.enqueue("flood", nil))
	}
	ids = append(ids, w.enqueue("late", nil), w.enqueue("low", priority(-5)), w.enqueue("high", priority(5)), w.enqueue("late", nil))
	w.finishAll(ids...)
	if got, want := strings.Join(w.started, " "), "first high flood late flood late flood low"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestCancelInProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	group := func(cancel bool) func(*core.Execution) {
		return func(e *core.Execution) {
			e.Concurrency = &core.Concurrency{Group: "deploy", CancelInProgress: cancel}
		}
	}
	begun := w.begins("p")
	ids := []string{w.enqueue("p", group(false))}
	<-begun
	ids = append(ids, w.enqueue("q", group(false)), w.enqueue("p", group(true)))
	ends := w.finishAll(ids...)
	for i, want := range []core.Status{core.StatusCancelled, core.StatusCancelled, core.StatusSuccess} {
		if e := ends[ids[i]]; e.Status != want {
			t.Errorf("execution %d is %s (%s), want %s", i+1, e.Status, e.Reason, want)
		}
	}
	if e := ends[ids[0]]; !strings.Contains(e.Reason, "a newer execution of group deploy") {
		t.Errorf("the reason is %q", e.Reason)
	}
}

// Stages of one group never run at the same time, whatever executions they are of.
func TestStageGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxExecutions = 2 })
	var ids []string
	for i := range 4 {
		spec := &core.Spec{Name: fmt.Sprint(i), Stages: []core.Stage{
			{Name: "build", Steps: []core.Step{step("build", script{})}},
			{Name: "deploy", Concurrency: &core.Concurrency{Group: "deploy-${{ branch }}"}, Steps: []core.Step{step("deploy", script{Wait: true})}}}}
		ids = append(ids, w.submit(spec))
	}
	// Those that only wait for the group leave their slots to others: all get so far.
	w.eventually(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		builds, deploys := 0, 0
		for _, name := range w.started {
			builds += strings.Count(name, "build")
			deploys += strings.Count(name, "deploy")
		}
		if deploys > 1 {
			t.Fatal("two stages of one group run")
		}
		return builds == 4 && deploys == 1
	})
	for id, e := range w.finishAll(ids...) {
		if e.Status != core.StatusSuccess {
			t.Errorf("%s is %s: %s", id, e.Status, e.Reason)
		}
	}
}

func TestTenThousandWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxExecutions = 1 })
	begun := w.begins("p")
	first := w.enqueue("p", nil)
	<-begun
	var middle string
	for i := range 10_000 {
		if id := w.enqueue("p", nil); i == 5000 {
			middle = id
		}
	}
	if err := w.engine.Cancel(t.Context(), middle, "ann"); err != nil {
		t.Fatal(err)
	}
	if e := w.await(middle); e.Status != core.StatusCancelled {
		t.Errorf("%s", e.Status)
	}
	if state := w.engine.Queue(t.Context()); state.Waiting != 9999 || len(state.Entries) != maxEntries {
		t.Errorf("%d wait, %d are shown", state.Waiting, len(state.Entries))
	}
	if err := w.engine.Pause(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	w.finishAll(first)
}
