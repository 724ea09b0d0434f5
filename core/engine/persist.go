package engine

import (
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Bounds of the pause between tries to reach the store.
const (
	minStorePause = 50 * time.Millisecond
	maxStorePause = 5 * time.Second
)

// persist repeats an operation of the store until it succeeds: nothing may take
// effect before it is stored, so a store that is away stops the run, not fails it.
// It returns errors that repeating cannot mend, and the context's when the engine
// detaches.
func (r *run) persist(what string, operation func() error) error {
	for pause := minStorePause; ; pause = min(2*pause, maxStorePause) {
		err := operation()
		switch {
		case err == nil:
			return nil
		case r.ctx.Err() != nil:
			return r.ctx.Err()
		}
		switch core.CodeOf(err) {
		case core.CodeNotFound, core.CodeConflict, core.CodeInvalid:
			return err
		}
		r.log.Error("the store is in trouble; trying again", "while", what, "error", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// saveStep stores a step. A conflict means that somebody else runs it too.
func (r *run) saveStep(step *core.StepRun) error {
	err := r.persist("store a step", func() error {
		return r.engine.options.Store.SaveStepRun(r.ctx, step)
	})
	if err != nil {
		if r.ctx.Err() == nil {
			r.log.Error("a step could not be stored; letting go of the execution", "step", step.Name, "error", err)
			r.detach(errDetached)
		}
		return err
	}
	r.tellStep(step)
	r.engine.options.Observer.StepChanged(step)
	return nil
}

// updateExecution changes the execution's document. Others may change it, too (to
// ask for a cancellation), so the change is repeated on what they wrote.
func (r *run) updateExecution(change func(*core.Execution)) error {
	for {
		changed := *r.execution
		change(&changed)
		changed.UpdatedAt = now()
		err := r.persist("store the execution", func() error {
			return r.engine.options.Store.UpdateExecution(r.ctx, &changed)
		})
		if err == nil {
			r.execution = &changed
			r.tellExecution()
			r.engine.options.Observer.ExecutionChanged(r.execution)
			return nil
		}
		if core.CodeOf(err) != core.CodeConflict {
			return err
		}
		err = r.persist("read the execution", func() (err error) {
			r.execution, err = r.engine.options.Store.Execution(r.ctx, r.id)
			return err
		})
		if err != nil {
			return err
		}
		if r.execution.Status.Terminal() {
			return errEnded
		}
	}
}
