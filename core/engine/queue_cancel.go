package engine

import (
	"errors"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// maxEnding is how many executions that have not begun are ended at a time.
const maxEnding = 16

// endUnstarted ends an execution that was cancelled before it began: none of its steps
// runs, not even those that clean up, for there is nothing to clean up. The caller
// holds e.mu and has taken it out of the queue.
func (e *Engine) endUnstarted(id string) {
	if e.stopping || e.ending[id] {
		return // the wish is stored: the next engine ends it
	}
	e.ending[id] = true
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		select {
		case e.ends <- struct{}{}:
			newRun(e, id).endUnstarted()
			<-e.ends
		case <-e.ctx.Done():
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.ending, id)
	}()
}

// endUnstarted stores the end of a run that has not begun.
func (r *run) endUnstarted() {
	defer r.detach(errDetached)
	if err := r.tryEndUnstarted(); err != nil && r.ctx.Err() == nil && !errors.Is(err, errEnded) {
		r.log.Error("end an execution that was cancelled before it began", "error", err)
	}
}

func (r *run) tryEndUnstarted() error {
	err := r.persist("read the execution", func() (err error) {
		r.execution, err = r.engine.options.Store.Execution(r.ctx, r.id)
		return err
	})
	if err != nil || r.execution.Status.Terminal() {
		return err
	}
	err = r.persist("open the log", func() (err error) {
		r.logs, err = r.engine.options.Logs.OpenLog(r.ctx, r.id)
		return err
	})
	if err != nil {
		return err
	}
	defer r.logs.Close()
	reason := "cancelled by " + r.execution.CancelRequested
	r.say(-1, 0, "%s", reason)
	if err := r.endSteps(reason); err != nil {
		return err
	}
	err = r.updateExecution(func(x *core.Execution) {
		at := now()
		x.Status, x.Reason, x.FinishedAt = core.StatusCancelled, reason, &at
	})
	if err != nil {
		return err
	}
	return r.logs.Seal()
}

// endSteps stores that no step will run. A pipeline that has no plan has no steps.
func (r *run) endSteps(reason string) error {
	err := r.makePlan()
	if err == nil {
		err = r.loadSteps()
	}
	var fatal *unrunnable
	if errors.As(err, &fatal) || core.CodeOf(err) == core.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for _, step := range r.steps {
		if step.Status.Terminal() { // taken over from the execution that this one repeats
			continue
		}
		step.Status, step.Reason = core.StatusCancelled, reason
		if err := r.saveStep(step); err != nil {
			return err
		}
	}
	return nil
}

// wish is an execution that is to be cancelled, and by whom.
type wish struct{ id, by string }

// cancelSoon has an execution cancelled by the engine itself. The caller holds e.mu. A
// wish that is lost with the process comes up again when the next one fills its queue.
func (e *Engine) cancelSoon(id, by string) {
	if e.stopping {
		return
	}
	e.wishes = append(e.wishes, wish{id, by})
	if len(e.wishes) > 1 {
		return // somebody is at it
	}
	e.running.Go(func() {
		for {
			e.mu.Lock()
			next := e.wishes[0]
			e.mu.Unlock()
			e.cancelPatiently(next)
			e.mu.Lock()
			e.wishes = e.wishes[1:]
			done := len(e.wishes) == 0
			e.mu.Unlock()
			if done {
				return
			}
		}
	})
}

// cancelPatiently repeats what the store refuses until it takes it.
func (e *Engine) cancelPatiently(w wish) {
	for pause := minStorePause; e.ctx.Err() == nil; pause = min(2*pause, maxStorePause) {
		err := e.Cancel(e.ctx, w.id, w.by)
		switch core.CodeOf(err) {
		case "", core.CodeConflict, core.CodeNotFound: // done, or it has ended
			return
		}
		e.log.Error("the store is in trouble; trying again", "while", "cancel an execution", "execution", w.id, "by", w.by, "error", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-e.ctx.Done():
		}
	}
}
