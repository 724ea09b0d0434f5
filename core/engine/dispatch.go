package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/queue"
)

// Submit puts a stored execution in the queue. It never blocks; an execution that
// is already there is not put there twice.
func (e *Engine) Submit(execution *core.Execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopping || e.active[execution.ID] != nil {
		return
	}
	job := queue.Job{ID: execution.ID, Pipeline: execution.PipelineID, PipelineName: execution.PipelineName, Priority: execution.Priority,
		Limit: execution.PipelineLimit, Resumed: execution.Status != core.StatusPending}
	if c := execution.Concurrency; c != nil {
		job.Group, job.CancelInProgress = c.Group, c.CancelInProgress
	}
	e.cancelFor(job.Group, e.queue.Push(job))
	e.dispatch()
}

// dispatch starts what may start. The caller holds e.mu.
func (e *Engine) dispatch() {
	for !e.stopping {
		if id, ok := e.queue.NextReclaim(); ok {
			granted := e.reclaims[id]
			delete(e.reclaims, id)
			granted()
			continue
		}
		job, ok := e.queue.Next()
		if !ok {
			break
		}
		e.start(job.ID)
	}
	if e.queue.Used() == 0 {
		for _, drained := range e.drained {
			close(drained)
		}
		e.drained = nil
	}
}

// start begins a run. The caller holds e.mu.
func (e *Engine) start(id string) {
	e.running.Add(1)
	r := newRun(e, id)
	e.active[id] = r
	go func() {
		defer e.running.Done()
		r.run()
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.active, id)
		delete(e.reclaims, id)
		e.grant(e.queue.Done(id))
		e.dispatch()
	}()
}

// Recover puts every execution that has not ended in the queue, those that were
// running first, in the order in which they were triggered. Call it once, before
// the first Submit.
func (e *Engine) Recover(ctx context.Context) error {
	if err := e.recallPause(ctx); err != nil {
		return err
	}
	for _, status := range []core.Status{core.StatusRunning, core.StatusWaiting, core.StatusPending} {
		list, err := e.unfinished(ctx, status)
		if err != nil {
			return fmt.Errorf("recover %s executions: %w", status, err)
		}
		for _, execution := range list {
			e.Submit(execution)
		}
	}
	return nil
}

func (e *Engine) unfinished(ctx context.Context, status core.Status) ([]*core.Execution, error) {
	var list []*core.Execution
	filter := core.ExecutionFilter{Statuses: []core.Status{status}, Page: core.Page{Limit: core.MaxPageLimit}}
	for {
		page, err := e.options.Store.Executions(ctx, filter)
		if err != nil {
			return nil, err
		}
		list = append(list, page...)
		if len(page) < filter.Page.Limit {
			slices.Reverse(list) // the store lists the newest first
			return list, nil
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
