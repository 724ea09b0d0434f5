package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/queue"
)

// Submit puts a stored execution in the queue. It never blocks; an execution that
// is already there is not put there twice. It does not keep the document.
func (e *Engine) Submit(execution *core.Execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.push(execution)
	e.dispatch()
}

// push puts an execution in the queue. The caller holds e.mu, and calls dispatch.
func (e *Engine) push(execution *core.Execution) {
	resumed := execution.Status != core.StatusPending
	switch {
	case e.stopping || e.ending[execution.ID]:
		return
	case execution.CancelRequested != "" && !resumed: // while no engine was there to do it
		e.endUnstarted(execution.ID)
		return
	}
	job := queue.Job{ID: execution.ID, Pipeline: execution.PipelineID, PipelineName: execution.PipelineName,
		Priority: execution.Priority, Limit: execution.PipelineLimit, Resumed: resumed}
	if c := execution.Concurrency; c != nil {
		job.Group, job.CancelInProgress = c.Group, c.CancelInProgress
	}
	for _, id := range e.queue.Push(job) {
		e.cancelSoon(id, "a newer execution of group "+job.Group)
	}
}

// dispatch lets go on what may, and starts what may start. It is called after every
// change of the queue. The caller holds e.mu.
func (e *Engine) dispatch() {
	for {
		if m, ok := e.queue.NextMember(); ok {
			granted := e.entering[m]
			delete(e.entering, m)
			granted()
			continue
		}
		if id, ok := e.queue.NextSlot(); ok {
			granted := e.reclaims[id]
			delete(e.reclaims, id)
			granted()
			continue
		}
		if e.stopping {
			break // nothing new, but what is being cancelled has to clean up
		}
		job, ok := e.queue.Next()
		if !ok {
			break
		}
		e.start(job.ID)
	}
	e.wakeDrains()
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
		e.queue.Done(id)
		e.dispatch()
	}()
}

// Recover puts every execution that has not ended in the queue, in the order in which
// they were triggered: so who cancels whom of a group is as it was. What was running
// goes first, also when the queue is paused. Call it once, before the first Submit.
func (e *Engine) Recover(ctx context.Context) error {
	if err := e.recallPause(ctx); err != nil {
		return err
	}
	var all []*core.Execution
	for _, status := range []core.Status{core.StatusRunning, core.StatusWaiting, core.StatusPending} {
		if err := e.unfinished(ctx, status, func(execution *core.Execution) {
			all = append(all, needed(execution))
		}); err != nil {
			return fmt.Errorf("recover %s executions: %w", status, err)
		}
	}
	slices.SortFunc(all, func(a, b *core.Execution) int { return cmp.Compare(a.ID, b.ID) }) // UUIDv7
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, execution := range all {
		e.push(execution)
	}
	e.dispatch()
	return nil
}

// needed is what push reads of an execution: thousands may wait, and the rest of a
// document is large.
func needed(x *core.Execution) *core.Execution {
	return &core.Execution{ID: x.ID, PipelineID: x.PipelineID, PipelineName: x.PipelineName, Status: x.Status,
		Priority: x.Priority, PipelineLimit: x.PipelineLimit, Concurrency: x.Concurrency, CancelRequested: x.CancelRequested}
}

// unfinished calls found for the executions of a status, the newest first.
func (e *Engine) unfinished(ctx context.Context, status core.Status, found func(*core.Execution)) error {
	filter := core.ExecutionFilter{Statuses: []core.Status{status}, Page: core.Page{Limit: core.MaxPageLimit}}
	for {
		page, err := e.options.Store.Executions(ctx, filter)
		if err != nil {
			return err
		}
		for _, execution := range page {
			found(execution)
		}
		if len(page) < filter.Page.Limit {
			return nil
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
	for id, r := range e.active {
		if cancel {
			e.queue.Expedite(id)
			r.requestCancel("the server, which was interrupted")
		}
	}
	e.dispatch()
	e.mu.Unlock()
	if !cancel {
		e.detach(errDetached)
	}
	done := make(chan struct{})
	go func() {
		e.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		e.detach(errDetached) // of what only waits for this engine
		return nil
	case <-ctx.Done():
		e.detach(errDetached)
		return fmt.Errorf("some executions had not stopped: %w", ctx.Err())
	}
}
