package engine

import (
	"sync"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/queue"
)

// enterGroup asks for a place in a concurrency group for a stage; granted is called when
// it is there. leave gives it up, or the wish for it, once. resumed is a stage that was
// in before a restart: it is in at once.
//
// granted is called by whichever goroutine makes it possible, perhaps this one, with the
// engine's lock held: it must return at once and not call the engine.
func (e *Engine) enterGroup(c core.Concurrency, m queue.Member, resumed bool, granted func()) (leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.entering[m] = granted
	superseded, stuck := e.queue.Enter(m, c.CancelInProgress, resumed)
	for _, id := range superseded {
		e.cancelSoon(id, "a newer execution of group "+c.Group)
	}
	if stuck {
		e.cancelSoon(m.Execution, "the server: it would wait for ever for group "+c.Group+", which is held by an execution that waits for it")
	}
	e.dispatch()
	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.entering, m)
		e.queue.Leave(m)
		e.dispatch()
	})
}

// settle says that all stages of an execution that had begun before a restart have
// entered their groups again. Until all executions have, the groups are closed to others.
func (e *Engine) settle(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue.Settle(id)
	e.dispatch()
}

// yieldSlot lets another execution run while this one only waits.
func (e *Engine) yieldSlot(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.reclaims, id)
	e.queue.Yield(id)
	e.dispatch()
}

// reclaimSlot asks for the slot back; granted is called, as that of enterGroup, when the
// execution has it: before anything new starts, and also while the queue is paused.
func (e *Engine) reclaimSlot(id string, granted func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reclaims[id] = granted
	e.queue.Reclaim(id)
	e.dispatch()
}
