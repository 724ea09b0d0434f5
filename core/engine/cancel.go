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
	e.mu.Unlock()
	if isActive {
		r.requestCancel(by)
	} else {
		e.dropWaiting(executionID)
	}
	return nil
}

func now() time.Time { return time.Now().UTC() }
