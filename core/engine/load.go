package engine

import "github.com/patchbay-ci/patchbay/core"

// Load says how full the queue is. Unlike Queue it takes no longer when much waits.
func (e *Engine) Load() core.QueueLoad {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, waits := e.queue.Counts()
	return core.QueueLoad{Running: e.queue.Used(), Waiting: waits, Slots: e.queue.Slots(), Paused: e.queue.Paused()}
}
