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
	status core.Status // what the steps become: cancelled, timeout or failed
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
	outputs    outputs
	builtin    map[string]string
	expressive []bool // by node: see inputs
	paramTypes map[string]core.ParamType
	masks      masks
	values     map[string]string // secret variables of the execution; never changed
	workspace  *workspace.Workspace
	usage      *workspace.Watch
	logs       core.LogWriter
	trace      trace

	failed bool        // a failure that counts has happened
	halt   *stopReason // the whole run is being stopped
	// By instance of a stage: why it is being stopped, and whether its timer is set.
	instanceHalt    []*stopReason
	instanceStarted []bool
	timers          []*time.Timer
	stops           map[int]context.CancelCauseFunc // by running node
	waiting         map[int]bool                    // nodes that wait for an approval
	ahead           ahead
	groups          map[int]*membership // by stage
	settled         bool                // see settleGroups
	slot            slotState

	cancels   chan string // who asks for the run to be cancelled
	decisions chan decisionRequest
	events    chan func()    // executed by run's goroutine
	running   int            // steps that have not reported
	cleanup   sync.WaitGroup // PostExecute calls
	posted    posted         // and how they ended
}

func newRun(e *Engine, id string) *run {
	ctx, detach := context.WithCancelCause(e.ctx)
	return &run{engine: e, id: id, log: e.log.With("execution", id), ctx: ctx, detach: detach,
		stops: map[int]context.CancelCauseFunc{}, waiting: map[int]bool{}, groups: map[int]*membership{},
		cancels: make(chan string, 1), decisions: make(chan decisionRequest), events: make(chan func())}
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
	r.watchWorkspace()
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
		r.enterGroups()
		r.startDue()
		if r.schedule.finished() {
			return true
		}
		if r.schedule.anyAdmission() {
			continue // what was skipped has made a stage ready
		}
		r.settleGroups()
		r.yieldSlot()
		select {
		case event := <-r.events:
			event()
		case request := <-r.decisions:
			request.done <- r.answer(request.decision)
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

// post has fn executed by run's goroutine, unless the run ends before.
func (r *run) post(fn func()) {
	select {
	case r.events <- fn:
	case <-r.ctx.Done():
	}
}

// startDue settles every node whose turn has come: it is skipped, it waits for an
// approval, or it starts.
func (r *run) startDue() {
	var later []int // for want of a slot
	for r.ctx.Err() == nil {
		node, ok := r.schedule.next()
		if !ok {
			break
		}
		if r.steps[node].Status.Terminal() { // from before a restart, or taken over
			r.settle(node)
			continue
		}
		verdict := verdict{run: true}
		if r.steps[node].Status != core.StatusRunning {
			verdict = r.decide(node)
		}
		switch {
		case !verdict.run:
			r.skip(node, verdict)
		case r.needsApproval(node):
			r.await(node)
		case !r.haveSlot():
			later = append(later, node)
		default:
			r.launch(node)
		}
	}
	for _, node := range later {
		r.schedule.again(node)
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
		r.failed = r.failed || v.status == core.StatusFailed
		r.end(node, outcomeBad)
		return
	}
	r.end(node, outcomeGood)
}

// settle accounts for a node whose status is final and stored.
func (r *run) settle(node int) {
	step := r.steps[node]
	delete(r.stops, node)
	delete(r.waiting, node)
	r.outputs.add(r.plan, node, step.Outputs)
	if counts(step) {
		r.failed = true
		r.end(node, outcomeBad)
		return
	}
	if step.Status == core.StatusSkipped && r.schedule.blocked(node) {
		r.end(node, outcomeBad)
		return
	}
	r.end(node, outcomeGood)
}

// end tells the schedule, and what follows from it: other combinations of a matrix
// are stopped, and a group that the stage was in is left.
func (r *run) end(node int, o outcome) {
	r.schedule.end(node, o)
	if o == outcomeBad {
		r.failFast(node)
	}
	if stage := r.plan.Nodes[node].Stage; r.schedule.stageFinished(stage) {
		r.leaveGroup(stage)
	}
}

// failFast stops the other combinations of a matrix, of which one step has failed.
func (r *run) failFast(node int) {
	stage := &r.plan.Stages[r.plan.Nodes[node].Stage]
	matrix := stage.Spec.Matrix
	if matrix == nil || (matrix.FailFast != nil && !*matrix.FailFast) || !counts(r.steps[node]) || r.halt != nil {
		return
	}
	failed := r.plan.Nodes[node].Instance
	if r.instanceHalt[failed] != nil {
		return // it is itself being stopped
	}
	for _, instance := range stage.Instances {
		if instance != failed && r.instanceHalt[instance] == nil {
			r.stopInstance(instance, &stopReason{core.StatusCancelled, fmt.Sprintf("%s failed, and fail_fast stops the others", r.plan.Instances[failed].Name)})
		}
	}
}

// stopInstance stops what runs of an instance; what has not begun will not.
func (r *run) stopInstance(instance int, reason *stopReason) {
	r.instanceHalt[instance] = reason
	for _, node := range r.plan.Instances[instance].Nodes {
		if stop, running := r.stops[node]; running {
			stop(reason)
		}
		if r.waiting[node] {
			r.endWaiting(node, skipStatus(reason), reason.text)
		}
	}
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

// launch starts a node's goroutine, which ends by reporting.
func (r *run) launch(node int) {
	r.armInstanceTimer(r.plan.Nodes[node].Instance)
	stop, cancel := context.WithCancelCause(context.WithoutCancel(r.ctx))
	r.stops[node] = cancel
	r.running++
	life := r.newStepLife(node, stop)
	life.prepared = r.prepared(node)
	defer r.lookAhead(node)
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
	for node := range r.waiting {
		r.endWaiting(node, skipStatus(reason), reason.text)
	}
	r.abandonGroups()
}

// release lets go of what a run holds in this process.
func (r *run) release() {
	for _, timer := range r.timers {
		timer.Stop()
	}
	for stage := range r.groups {
		r.leaveGroup(stage)
	}
	r.detach(errDetached)
	r.usage.Stop()
	r.cleanup.Wait()
	if err := r.logs.Close(); err != nil {
		r.log.Error("close the log", "error", err)
	}
}
