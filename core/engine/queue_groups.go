package engine

import (
	"sync"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/queue"
)

// enterGroup asks for a place in a concurrency group for a stage; granted is called, in
// any goroutine, when it is there. leave gives it up, or the wish for it, once.
func (e *Engine) enterGroup(c core.Concurrency, m queue.Member, resumed bool, granted func()) (leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	entered, cancel := e.queue.Enter(m, c.CancelInProgress, resumed)
	if entered {
		granted()
	} else {
		e.entering[m] = granted
	}
	e.cancelFor(c.Group, cancel)
	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.entering, m)
		e.grant(e.queue.Leave(m))
		e.dispatch()
	})
}

// grant tells stages that they are in. The caller holds e.mu.
func (e *Engine) grant(members []queue.Member) {
	for _, m := range members {
		if granted := e.entering[m]; granted != nil {
			delete(e.entering, m)
			granted()
		}
	}
}

// cancelFor cancels executions for a newer one of their group.
func (e *Engine) cancelFor(group string, executions []string) {
	for _, id := range executions {
		e.running.Add(1)
		go func() {
			defer e.running.Done()
			err := e.Cancel(e.ctx, id, "a newer execution of group "+group)
			if err != nil && core.CodeOf(err) != core.CodeConflict && e.ctx.Err() == nil {
				e.log.Error("cancel an execution for a newer one of its group", "execution", id, "group", group, "error", err)
			}
		}()
	}
}

// yieldSlot lets another execution run while this one only waits.
func (e *Engine) yieldSlot(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue.Yield(id)
	e.dispatch()
}

// reclaimSlot asks for the slot back; granted is called, in any goroutine, when the
// execution has it.
func (e *Engine) reclaimSlot(id string, granted func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reclaims[id] = granted
	e.queue.Reclaim(id)
	e.dispatch()
}

// dropWaiting takes an execution out of the queue that has been cancelled: it has
// nothing to run, and only has to be ended.
func (e *Engine) dropWaiting(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.stopping && e.queue.Remove(id) {
		e.start(id)
		e.dispatch()
	}
}
