package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
)

// Hooks run around a step, not around its attempts: those of pre before the first one,
// and when the last one has ended, on_success or on_failure and then post. The step
// goes on running meanwhile; how it will end is stored as its Ending before the first
// hook begins, so that a crash in between repeats neither the step nor a hook that has
// ended. A hook is work of a connector like an attempt, and takes the same way: stored
// first, joined again after a crash, destroyed with the rest.

// before runs the hooks of pre that have not ended. It is false when there is nothing
// left to attempt: the step has ended, or the engine detached.
func (l *stepLife) before() bool {
	if l.step.Ending != nil { // a restart came while the hooks after the step ran
		l.beginStepTrace()
		l.after()
		return false
	}
	hooks := l.spec.Hooks.Of(core.HookPre)
	if len(hooks) == 0 || len(l.step.Attempts) > 0 {
		return true
	}
	l.begin()
	l.beginStepTrace()
	for i := range hooks {
		good, detached := l.runHook(l.stop, core.HookPre, i)
		switch {
		case detached:
			return false
		case good:
			continue
		case l.step.Status.Terminal():
			l.endStepTrace()
		}
		l.after()
		return false
	}
	return true
}

// decide says how the step ends: at once, or when the hooks have run that follow such
// an end. The caller stores it.
func (l *stepLife) decide(e core.Ending) {
	for _, phase := range core.HookPhasesAfter(e.Status) {
		if len(l.spec.Hooks.Of(phase)) > 0 {
			l.step.Ending = &e
			return
		}
	}
	l.endStep(e)
}

func (l *stepLife) endStep(e core.Ending) {
	l.step.Ending = nil
	l.step.Status, l.step.Reason, l.step.Allowed, l.step.FinishedAt = e.Status, e.Reason, e.Allowed, &e.At
}

// after runs the hooks that follow the step's last attempt, if there are any, and ends
// the step. A cancelled step gets its post hooks, too; only their own time limits stop
// them.
func (l *stepLife) after() {
	if l.step.Ending == nil {
		return
	}
	ending := *l.step.Ending
	for _, phase := range core.HookPhasesAfter(ending.Status) {
		for i := range l.spec.Hooks.Of(phase) {
			if _, detached := l.runHook(context.WithoutCancel(l.run.ctx), phase, i); detached {
				return
			}
		}
	}
	ending.At = now()
	l.endStep(ending)
	if l.run.saveStep(l.step) == nil {
		l.endStepTrace()
	}
}

// runHook runs a hook, or joins it after a restart, until it has an end and that is
// stored. It is good when the step may go on.
func (l *stepLife) runHook(stop context.Context, phase core.HookPhase, index int) (good, detached bool) {
	spec := &l.spec.Hooks.Of(phase)[index]
	record, fresh := l.hookRecord(phase, index)
	a := &record.Attempt
	if a.Status.Terminal() {
		return a.Status == core.StatusSuccess || record.Allowed, false
	}
	if fresh && l.run.saveStep(l.step) != nil {
		return false, true
	}
	life := l.hookLife(stop, spec, record)
	life.beginAttemptTrace(a, "hook "+record.Label())
	if fresh {
		life.say(a, "hook %s", record.Label())
	}
	if life.try(a, fresh) {
		return false, true
	}
	l.run.usage.Look()
	good = a.Status == core.StatusSuccess
	if !good {
		record.Allowed = phase != core.HookPre || spec.ContinueOnError && stop.Err() == nil
		good = record.Allowed
		life.sayHookFailed(record)
	}
	if !good {
		l.decide(l.endingOf(stop, record))
	}
	if l.run.saveStep(l.step) != nil {
		return false, true
	}
	life.endAttemptTrace(a)
	life.postExecute(a)
	return good, false
}

// hookRecord returns the record of a hook's run, a new one if it has none yet.
func (l *stepLife) hookRecord(phase core.HookPhase, index int) (record *core.HookRun, fresh bool) {
	for _, record := range l.step.Hooks {
		if record.Phase == phase && record.Index == index {
			return record, false
		}
	}
	hooks := l.spec.Hooks
	spec := &hooks.Of(phase)[index]
	record = &core.HookRun{Phase: phase, Index: index, Name: spec.Name, Connector: spec.Connector,
		Attempt: core.Attempt{ID: l.run.engine.options.NewID(), Number: hooks.Number(phase, index), Status: core.StatusRunning, StartedAt: now()}}
	l.step.Hooks = append(l.step.Hooks, record)
	return record, true
}

// endingOf is how a step ends whose hook of pre did not succeed.
func (l *stepLife) endingOf(stop context.Context, record *core.HookRun) core.Ending {
	ending := core.Ending{Status: core.StatusFailed, At: *record.Attempt.FinishedAt, Allowed: l.spec.ContinueOnError,
		Reason: fmt.Sprintf("hook %s: %s", record.Label(), hookReason(&record.Attempt))}
	var reason *stopReason
	if errors.As(context.Cause(stop), &reason) {
		ending.Status, ending.Reason = reason.status, reason.text
		ending.Allowed = ending.Allowed && reason.status != core.StatusCancelled
	}
	return ending
}

func hookReason(a *core.Attempt) string {
	if a.Message != "" {
		return a.Message
	}
	return string(a.Status)
}

func (l *stepLife) sayHookFailed(record *core.HookRun) {
	prefix := ""
	if record.Allowed {
		prefix = "warning: "
	}
	l.say(&record.Attempt, "%shook %s: %s: %s", prefix, record.Label(), record.Attempt.Status, hookReason(&record.Attempt))
}
