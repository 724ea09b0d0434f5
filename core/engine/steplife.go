package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/mask"
	"github.com/patchbay-ci/patchbay/sdk"
)

// stepLife is one step from its start, or its join after a restart, to its end:
// the attempts at it and the pauses between them. It runs in a goroutine of its
// own and owns the StepRun meanwhile.
type stepLife struct {
	run  *run
	node int
	step *core.StepRun
	spec *core.Step
	// stop is done, with a *stopReason as its cause, when the step is to stop.
	stop    context.Context
	inputs  inputs
	retries int
	// environment is the step's, and masks are what its output must not show, both
	// from its request on.
	environment map[string]string
	masks       *mask.Set
	trace       attemptTrace
	// prepared is the ID of the attempt that the connector has got ready for.
	prepared string
	// posts says that the connector wants to hear of results.
	posts bool
	// whose time it is that may be up, for people: "the step's", or that of a hook.
	whose string
}

func (r *run) newStepLife(node int, stop context.Context) *stepLife {
	n := r.plan.Nodes[node]
	return &stepLife{run: r, node: node, step: r.steps[node], spec: n.Step, stop: stop,
		inputs: r.inputs(node), whose: "the step's",
		retries: innermost(n.Step.RetryCount, r.plan.Stages[n.Stage].Spec.RetryCount, r.spec.RetryCount)}
}

func innermost(counts ...*int) int {
	for _, count := range counts {
		if count != nil {
			return *count
		}
	}
	return 0
}

// live makes attempts until one decides the step. When the engine detaches it
// returns with the step still running.
func (l *stepLife) live() {
	if !l.before() {
		return
	}
	for {
		attempt, fresh, err := l.currentAttempt()
		if err != nil {
			return
		}
		l.beginTrace(attempt)
		if detached := l.try(attempt, fresh); detached {
			return
		}
		l.run.usage.Look()
		l.keepFiles(attempt)
		again := l.mayRetry(attempt)
		if !again {
			l.finish(attempt)
		}
		if l.run.saveStep(l.step) != nil {
			return
		}
		l.endTrace(attempt)
		l.postExecute(attempt)
		if !again {
			l.after()
			return
		}
		if !l.pause(attempt) {
			l.endBetweenAttempts()
			return
		}
	}
}

// keepFiles keeps the artifacts and caches of an attempt that ended. Before its end
// is stored: after a crash the attempt is joined again, and comes here again.
func (l *stepLife) keepFiles(a *core.Attempt) {
	if len(l.spec.Artifacts)+len(l.spec.Cache) == 0 || l.environment == nil {
		return
	}
	if err := l.collectArtifacts(a); err != nil && a.Status == core.StatusSuccess {
		a.Status, a.Message = core.StatusFailed, err.Error()
	} else if err != nil {
		l.say(a, "%v", err)
	}
	if a.Status == core.StatusSuccess {
		l.saveCaches(a)
	}
}

// endBetweenAttempts ends a step that was stopped while it waited for its next
// attempt; if the engine merely detached, the wait begins anew after the restart.
func (l *stepLife) endBetweenAttempts() {
	var reason *stopReason
	if l.run.ctx.Err() != nil || !errors.As(context.Cause(l.stop), &reason) {
		return
	}
	l.decide(core.Ending{Status: reason.status, Reason: reason.text, At: now()})
	if l.run.saveStep(l.step) != nil { // the run is being let go of
		return
	}
	if l.step.Status.Terminal() {
		l.endStepTrace()
	}
	l.after()
}

// currentAttempt returns the attempt that was running before a restart, or begins
// a new one and stores it.
func (l *stepLife) currentAttempt() (a *core.Attempt, fresh bool, err error) {
	if n := len(l.step.Attempts); n > 0 && !l.step.Attempts[n-1].Status.Terminal() {
		return &l.step.Attempts[n-1], false, nil
	}
	at := l.begin()
	id := l.prepared
	if l.prepared = ""; id == "" {
		id = l.run.engine.options.NewID()
	}
	l.step.Attempts = append(l.step.Attempts, core.Attempt{ID: id,
		Number: len(l.step.Attempts) + 1, Status: core.StatusRunning, StartedAt: at})
	if err := l.run.saveStep(l.step); err != nil {
		return nil, false, err
	}
	return &l.step.Attempts[len(l.step.Attempts)-1], true, nil
}

// begin marks the step as running, from its first attempt or hook on.
func (l *stepLife) begin() time.Time {
	at := now()
	if l.step.StartedAt == nil {
		l.step.StartedAt = &at
	}
	l.step.Status = core.StatusRunning
	return at
}

// mayRetry reports whether another attempt follows a failed one. What the user or
// an outer time limit stopped is not tried again.
func (l *stepLife) mayRetry(a *core.Attempt) bool {
	if a.Status != core.StatusFailed && a.Status != core.StatusTimeout {
		return false
	}
	return l.stop.Err() == nil && a.Number <= l.retries && a.ErrorClass != string(sdk.ClassInvalidConfig)
}

// finish gives the step the end of its last attempt.
func (l *stepLife) finish(a *core.Attempt) {
	failed := a.Status == core.StatusFailed || a.Status == core.StatusTimeout
	l.decide(core.Ending{Status: a.Status, Reason: a.Message, Allowed: failed && l.spec.ContinueOnError, At: *a.FinishedAt})
	if a.Status != core.StatusSuccess {
		l.say(a, "%s: %s", a.Status, a.Message)
	}
}

// pause waits before the next attempt, with what is left of the last one removed
// first. It is false when the step was stopped.
func (l *stepLife) pause(a *core.Attempt) bool {
	delay := min(l.run.engine.options.RetryDelay<<min(a.Number-1, 16), maxRetryDelay)
	delay += time.Duration(rand.Int64N(int64(delay)/4 + 1))
	l.say(a, "attempt %d of %d: %s; trying again in %s", a.Number, l.retries+1, a.Message, delay.Round(10*time.Millisecond))
	l.run.destroy(l.spec.Connector, []*core.Attempt{a})
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.stop.Done():
		return false
	case <-l.run.ctx.Done():
		return false
	}
}

// postExecute tells the connector that the result is stored, in the background:
// the next step need not wait for a container to be removed.
func (l *stepLife) postExecute(a *core.Attempt) {
	if !l.posts {
		return
	}
	ref, result, trace := l.ref(a), resultOf(a), l.trace.attempt
	connector, number, masks := l.spec.Connector, a.Number, l.masks
	l.run.cleanup.Add(1)
	go func() {
		defer l.run.cleanup.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.run.ctx), destroyLimit)
		defer cancel()
		ctx = trace.forConnector(ctx)
		began := now()
		err := l.run.engine.options.Connectors.Use(ctx, connector, func(client *sdk.Client, _ sdk.Info) error {
			return client.PostExecute(ctx, sdk.PostExecuteRequest{Attempt: ref, Result: result})
		})
		l.run.posted.add(l.node, ownHook(core.HookPostExecute, connector, number, began, err, masks))
		if err != nil {
			l.run.log.Warn("PostExecute failed; DestroyStep will follow", "connector", connector, "step", l.step.Name, "error", err)
		}
	}()
}

func (l *stepLife) ref(a *core.Attempt) sdk.AttemptRef {
	return l.run.attemptRef(a, l.spec.Action)
}

func (l *stepLife) say(a *core.Attempt, format string, args ...any) {
	l.run.say(l.node, a.Number, "%s", fmt.Sprintf(format, args...))
}
