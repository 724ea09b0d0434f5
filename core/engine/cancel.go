package engine

import (
	"context"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Cancel implements core.Canceller. The wish is stored before anything stops. An
// execution that has not begun ends at once, and nothing of it runs.
func (e *Engine) Cancel(ctx context.Context, executionID, by string) error {
	execution, err := e.storeCancel(ctx, executionID, by)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch r := e.active[executionID]; {
	case r != nil:
		r.requestCancel(by)
		e.queue.Expedite(executionID) // it may have to clean up, and has no slot
	case e.queue.Remove(executionID), execution.Status == core.StatusPending: // or it is about to be submitted
		e.endUnstarted(executionID)
	}
	e.dispatch()
	return nil
}

// storeCancel stores who wants an execution to be cancelled, unless somebody did
// before, and returns the document.
func (e *Engine) storeCancel(ctx context.Context, executionID, by string) (*core.Execution, error) {
	for {
		execution, err := e.options.Store.Execution(ctx, executionID)
		if err != nil {
			return nil, err
		}
		if execution.Status.Terminal() {
			return nil, &core.Error{Code: core.CodeConflict, Message: "execution " + executionID + " has already ended: " + string(execution.Status)}
		}
		if execution.CancelRequested != "" {
			return execution, nil
		}
		execution.CancelRequested = by
		execution.UpdatedAt = now()
		err = e.options.Store.UpdateExecution(ctx, execution)
		if core.CodeOf(err) != core.CodeConflict {
			return execution, err
		} // it changed meanwhile: look again
	}
}

func now() time.Time { return time.Now().UTC() }
