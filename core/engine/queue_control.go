package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// maxEntries is how many of those that wait are shown.
const maxEntries = 100

// pauseKey is where the wish for a pause is stored.
const pauseKey = "queue/paused"

// pauseNote is what is stored while the queue is paused.
type pauseNote struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

var _ core.QueueControl = (*Engine)(nil)

// Pause implements core.QueueControl.
func (e *Engine) Pause(ctx context.Context, by string) error {
	note, err := json.Marshal(pauseNote{by, now()})
	if err != nil {
		return err
	}
	return e.setPaused(ctx, true, note, by)
}

// Resume implements core.QueueControl.
func (e *Engine) Resume(ctx context.Context, by string) error {
	return e.setPaused(ctx, false, nil, by)
}

func (e *Engine) setPaused(ctx context.Context, paused bool, note []byte, by string) error {
	e.pausing.Lock() // what is stored last is what holds
	defer e.pausing.Unlock()
	if e.options.Settings != nil {
		if err := e.options.Settings.PutSetting(ctx, pauseKey, note); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue.SetPaused(paused)
	e.log.Info("the queue was changed", "paused", paused, "by", by)
	e.dispatch()
	return nil
}

// recallPause honours a pause from before a restart.
func (e *Engine) recallPause(ctx context.Context) error {
	if e.options.Settings == nil {
		return nil
	}
	note, err := e.options.Settings.Setting(ctx, pauseKey)
	if err != nil {
		return fmt.Errorf("read whether the queue is paused: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue.SetPaused(note != nil)
	return nil
}

// Drain implements core.QueueControl. What only waits for a person or for a group does
// not count as running. It returns Conflict when somebody resumes the queue meanwhile.
func (e *Engine) Drain(ctx context.Context, by string) error {
	if err := e.Pause(ctx, by); err != nil {
		return err
	}
	for {
		e.mu.Lock()
		paused, used := e.queue.Paused(), e.queue.Used()
		if e.changed == nil {
			e.changed = make(chan struct{})
		}
		changed := e.changed
		e.mu.Unlock()
		switch {
		case used == 0:
			return nil
		case !paused:
			return core.Errorf(core.CodeConflict, "the queue was resumed while it was drained; %d executions run", used)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ctx.Done():
			return core.Errorf(core.CodeUnavailable, "the server is stopping; the queue stays paused")
		}
	}
}

// wakeDrains has those who drain the queue look again. The caller holds e.mu.
func (e *Engine) wakeDrains() {
	if e.changed != nil && (e.queue.Used() == 0 || !e.queue.Paused()) {
		close(e.changed)
		e.changed = nil
	}
}

// Queue implements core.QueueControl.
func (e *Engine) Queue(context.Context) core.QueueState {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, waits := e.queue.Counts()
	// What only waits for a person or a group takes no slot, and does not count.
	state := core.QueueState{Paused: e.queue.Paused(), Running: e.queue.Used(), Waiting: waits, Slots: e.queue.Slots(), Entries: []core.QueueEntry{}}
	for _, w := range e.queue.Snapshot(maxEntries) {
		state.Entries = append(state.Entries, core.QueueEntry{ExecutionID: w.ID, PipelineID: w.Pipeline, PipelineName: w.PipelineName,
			Priority: w.Priority, Reason: w.Reason})
	}
	return state
}
