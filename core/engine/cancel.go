package engine

import (
	"context"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Cancel implements core.Canceller. The wish is stored before anything stops.
func (e *Engine) Cancel(ctx context.Context, executionID, by string) error {
	for {
		execution, err := e.options.Store.Execution(ctx, executionID)
		if err != nil {
			return err
		}
		if execution.Status.Terminal() {
			return &core.Error{Code: core.CodeConflict, Message: "execution " + executionID + " has already ended: " + string(execution.Status)}
		}
		if execution.CancelRequested == "" {
			execution.CancelRequested = by
			execution.UpdatedAt = now()
			err = e.options.Store.UpdateExecution(ctx, execution)
		}
		switch {
		case core.CodeOf(err) == core.CodeConflict:
			continue // it changed meanwhile: look again
		case err != nil:
			return err
		}
		break
	}
	e.mu.Lock()
	r, isActive := e.active[executionID]
	waiting := e.known[executionID] && !isActive
	e.mu.Unlock()
	switch {
	case isActive:
		r.requestCancel(by)
	case waiting:
		e.startNow(executionID) // it has nothing to run: it only has to be ended
	}
	return nil
}

// startNow takes an execution out of the queue and runs it without a slot.
func (e *Engine) startNow(executionID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, id := range e.queue {
		if id == executionID {
			e.queue = append(e.queue[:i:i], e.queue[i+1:]...)
			e.queue = append([]string{id}, e.queue...)
			e.slots++
			e.dispatch()
			e.slots--
			return
		}
	}
}

func now() time.Time { return time.Now().UTC() }
