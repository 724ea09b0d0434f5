package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// Submit puts a stored execution in the queue. It never blocks; an execution that
// is already there is not put there twice.
func (e *Engine) Submit(executionID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopping || e.known[executionID] {
		return
	}
	e.known[executionID] = true
	e.queue = append(e.queue, executionID)
	e.dispatch()
}

// dispatch starts as many as there are slots for. The caller holds e.mu.
func (e *Engine) dispatch() {
	for e.slots > 0 && len(e.queue) > 0 && !e.stopping {
		id := e.queue[0]
		e.queue = e.queue[1:]
		e.slots--
		e.running.Add(1)
		r := newRun(e, id)
		e.active[id] = r
		go func() {
			defer e.running.Done()
			r.run()
			e.mu.Lock()
			defer e.mu.Unlock()
			delete(e.known, id)
			delete(e.active, id)
			e.slots++
			e.dispatch()
		}()
	}
}

// Recover puts every execution that has not ended in the queue, those that were
// running first, in the order in which they were triggered. Call it once, before
// the first Submit.
func (e *Engine) Recover(ctx context.Context) error {
	for _, status := range []core.Status{core.StatusRunning, core.StatusWaiting, core.StatusPending} {
		ids, err := e.unfinished(ctx, status)
		if err != nil {
			return fmt.Errorf("recover %s executions: %w", status, err)
		}
		for _, id := range ids {
			e.Submit(id)
		}
	}
	return nil
}

func (e *Engine) unfinished(ctx context.Context, status core.Status) ([]string, error) {
	var ids []string
	filter := core.ExecutionFilter{Statuses: []core.Status{status}, Page: core.Page{Limit: core.MaxPageLimit}}
	for {
		page, err := e.options.Store.Executions(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, execution := range page {
			ids = append(ids, execution.ID)
		}
		if len(page) < filter.Page.Limit {
			slices.Reverse(ids) // the store lists the newest first
			return ids, nil
		}
		filter.Page.After = page[len(page)-1].ID
	}
}

// Shutdown starts nothing more and lets go of what is running: its steps go on,
// and Recover of the next engine joins them. With cancel, running executions are
// cancelled instead, so that nothing of them is left. It waits until that is done
// or ctx ends, and then lets go in any case.
func (e *Engine) Shutdown(ctx context.Context, cancel bool) error {
	e.mu.Lock()
	e.stopping = true
	e.queue = nil
	active := make([]*run, 0, len(e.active))
	for _, r := range e.active {
		active = append(active, r)
	}
	e.mu.Unlock()

	if cancel {
		for _, r := range active {
			r.requestCancel("the server, which was interrupted")
		}
	} else {
		e.detach(errDetached)
	}
	done := make(chan struct{})
	go func() {
		e.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		e.detach(errDetached)
		return fmt.Errorf("some executions had not stopped: %w", ctx.Err())
	}
}
