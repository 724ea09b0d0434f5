package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
	"github.com/patchbay-ci/patchbay/core/workspace"
)

// stopReason is the cause with which steps are stopped.
type stopReason struct {
	status core.Status // what the steps become: cancelled or timeout
	text   string
}

func (s *stopReason) Error() string { return s.text }

// run is the life of one execution. Its fields belong to the goroutine that called
// run(); a step's goroutine owns the step it was started for until it reports.
type run struct {
	engine *Engine
	id     string
	log    hclog.Logger
	ctx    context.Context // done means detach: change nothing more
	detach context.CancelCauseFunc

	execution  *core.Execution
	spec       *core.Spec
	plan       *plan.Plan
	schedule   *schedule
	conditions conditions
	steps      []*core.StepRun // by node
	outputs    map[string]map[string]string
	builtin    map[string]string
	workspace  *workspace.Workspace
	logs       core.LogWriter

	failed    bool        // a failure that counts has happened
	halt      *stopReason // the whole run is being stopped
	stageHalt []*stopReason
	// stageStarted says which stages' timers have been set.
	stageStarted []bool
	timers       []*time.Timer
	stops        map[int]context.CancelCauseFunc // by running node

	cancels chan string    // who asks for the run to be cancelled
	events  chan func()    // executed by run's goroutine
	running int            // steps that have not reported
	cleanup sync.WaitGroup // PostExecute calls
}

func newRun(e *Engine, id string) *run {
	ctx, detach := context.WithCancelCause(e.ctx)
	return &run{engine: e, id: id, log: e.log.With("execution", id), ctx: ctx, detach: detach,
		outputs: map[string]map[string]string{}, stops: map[int]context.CancelCauseFunc{},
		cancels: make(chan string, 1), events: make(chan func())}
}

// requestCancel asks from any goroutine; asking twice is asking once.
func (r *run) requestCancel(by string) {
	select {
	case r.cancels <- by:
	default:
	}
}

// run carries the execution to its end, or to the moment the engine detaches.
func (r *run) run() {
	if err := r.prepare(); err != nil {
		r.giveUp(err)
		return
	}
	defer r.release()
	r.armTimer(r.execution.StartedAt, r.spec.Timeout, func() {
		r.stopAll(&stopReason{core.StatusTimeout, fmt.Sprintf("the pipeline's time of %s was up", r.spec.Timeout)})
	})
	if r.execution.CancelRequested != "" {
		r.cancelAll(r.execution.CancelRequested)
	}
	if r.loop() {
		r.finish()
	}
}

// loop drives the schedule; it is false when the engine detached.
func (r *run) loop() bool {
	for {
		r.startDue()
		if r.schedule.finished() {
			return true
		}
		select {
		case event := <-r.events:
			event()
		case by := <-r.cancels:
			r.cancelAll(by)
		case <-r.ctx.Done():
			for r.running > 0 {
				(<-r.events)()
			}
			return false
		}
	}
}

// startDue settles every node whose turn has come: it is skipped, or it starts.
func (r *run) startDue() {
	for r.ctx.Err() == nil {
		node, ok := r.schedule.next()
		if !ok {
			return
		}
		step := r.steps[node]
		switch {
		case step.Status.Terminal(): // from before a restart
			r.settle(node)
		case step.Status == core.StatusRunning:
			r.launch(node)
		default:
			if verdict := r.decide(node); verdict.run {
				r.launch(node)
			} else {
				r.skip(node, verdict)
			}
		}
	}
}

// skip ends a node that is not run.
func (r *run) skip(node int, v verdict) {
	step := r.steps[node]
	step.Status, step.Reason = v.status, v.reason
	if v.status == core.StatusFailed {
		at := now()
		step.FinishedAt = &at
	}
	if err := r.saveStep(step); err != nil {
		return // detached: nothing has happened
	}
	r.say(node, 0, "%s: %s", v.status, v.reason)
	if v.spreads {
		r.schedule.end(node, outcomeBad)
		r.failed = r.failed || v.status == core.StatusFailed
		return
	}
	r.schedule.end(node, outcomeGood)
}

// settle accounts for a node whose status is final and stored.
func (r *run) settle(node int) {
	step := r.steps[node]
	delete(r.stops, node)
	r.collectOutputs(step)
	if counts(step) {
		r.failed = true
		r.schedule.end(node, outcomeBad)
		return
	}
	if step.Status == core.StatusSkipped && r.schedule.blocked(node) {
		r.schedule.end(node, outcomeBad)
		return
	}
	r.schedule.end(node, outcomeGood)
}

// counts reports whether a step's end makes the run a failure.
func counts(s *core.StepRun) bool {
	switch s.Status {
	case core.StatusFailed, core.StatusTimeout:
		return !s.Allowed
	case core.StatusCancelled:
		return true
	default:
		return false
	}
}

func (r *run) collectOutputs(s *core.StepRun) {
	if len(s.Outputs) == 0 {
		return
	}
	r.outputs[s.Name] = s.Outputs
	r.outputs[s.Stage+"/"+s.Name] = s.Outputs
}

// launch starts a node's goroutine, which ends by reporting.
func (r *run) launch(node int) {
	stage := r.plan.Nodes[node].Stage
	r.armStageTimer(stage)
	stop, cancel := context.WithCancelCause(context.WithoutCancel(r.ctx))
	r.stops[node] = cancel
	r.running++
	life := r.newStepLife(node, stop)
	go func() {
		life.live()
		r.events <- func() {
			r.running--
			cancel(nil)
			if r.steps[node].Status.Terminal() {
				r.settle(node)
			}
		}
	}()
}

// cancelAll stops the run because somebody wants it.
func (r *run) cancelAll(by string) {
	if r.execution.CancelRequested == "" {
		if err := r.updateExecution(func(e *core.Execution) { e.CancelRequested = by }); err != nil {
			return
		}
	}
	r.stopAll(&stopReason{core.StatusCancelled, "cancelled by " + by})
}

// stopAll stops what is running; what has not begun will be skipped.
func (r *run) stopAll(reason *stopReason) {
	if r.halt != nil {
		return
	}
	r.halt = reason
	r.say(-1, 0, "%s", reason.text)
	for _, stop := range r.stops {
		stop(reason)
	}
}

// release lets go of what a run holds in this process.
func (r *run) release() {
	for _, timer := range r.timers {
		timer.Stop()
	}
	r.detach(errDetached)
	r.cleanup.Wait()
	if err := r.logs.Close(); err != nil {
		r.log.Error("close the log", "error", err)
	}
}
