package schedule

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// fireDue fires what is due and returns how long nothing else is.
func (s *Service) fireDue(ctx context.Context) time.Duration {
	// Round(0) takes the monotonic reading off: schedules go by the clock on the wall.
	now := time.Now().Round(0)
	back := now.Before(s.round)
	s.round = now
	sleep := maxSleep
	s.mu.Lock()
	tables := make([]*timetable, 0, len(s.pipelines))
	for _, table := range s.pipelines {
		tables = append(tables, table)
	}
	s.mu.Unlock()
	for _, table := range tables {
		for _, e := range table.entries {
			// What was planned in a time that the clock has left again is planned anew.
			if back {
				e.fresh, e.told = true, time.Time{}
			}
			if e.fresh || e.next != nil && !e.next.After(now) {
				if !s.settle(ctx, table, e, now) {
					continue // the store is away: the next round tries again
				}
			}
			if e.next != nil {
				sleep = min(sleep, e.next.Sub(now))
			}
		}
	}
	return max(sleep, time.Millisecond)
}

// settle fires what is due of an entry and plans its next tick. It is false when it is
// to be tried again.
func (s *Service) settle(ctx context.Context, table *timetable, e *entry, now time.Time) bool {
	tick, ok, skipped := e.due(now)
	if skipped != nil {
		s.log.Warn("a schedule missed ticks: they are skipped but the latest that is young enough", "pipeline", table.pipeline.Name, "within", e.within,
			"schedule", e.key(), "first", skipped.UTC(), "fired", ok)
		e.told = now
	}
	if ok && !s.fire(ctx, table, e, tick) {
		return false
	}
	s.mu.Lock()
	e.fresh = false
	e.plan(now)
	s.mu.Unlock()
	return true
}

// fire makes the execution of a tick, once. It is false when it is to be tried again.
//
// The execution comes first and the note of it second: after a crash in between, the
// execution tells.
func (s *Service) fire(ctx context.Context, table *timetable, e *entry, tick time.Time) bool {
	by := fmt.Sprintf("schedule %s at %s", e.key(), tick.UTC().Format(time.RFC3339))
	exists := false
	var err error
	if e.unsure {
		if exists, err = s.exists(ctx, table.pipeline.ID, by); err != nil {
			s.log.Error("a schedule cannot be looked after; trying again", "pipeline", table.pipeline.Name, "error", err)
			return false
		}
	}
	if !exists {
		_, err = s.trigger.Trigger(ctx, core.TriggerRequest{PipelineID: table.pipeline.ID,
			Info: core.TriggerInfo{Type: core.TriggerSchedule, TriggeredBy: by}})
		switch core.CodeOf(err) {
		case "":
		case core.CodeInternal, core.CodeUnavailable, core.CodeTimeout, core.CodeExternal:
			if ctx.Err() == nil {
				s.log.Error("a schedule could not start its pipeline; trying again", "pipeline", table.pipeline.Name, "tick", tick, "error", err)
			}
			e.unsure = true
			return false
		default:
			// No repetition mends it: a parameter without a value, a pipeline that is gone.
			s.log.Error("a schedule could not start its pipeline", "pipeline", table.pipeline.Name, "tick", tick, "error", err)
		}
	}
	s.mu.Lock()
	e.since, e.last, e.unsure = tick, &tick, false
	fired := map[string]time.Time{}
	for _, other := range table.entries {
		if other.last != nil {
			fired[other.key()] = *other.last
		}
	}
	s.mu.Unlock()
	if err := s.putFired(ctx, table.pipeline.ID, fired); err != nil {
		s.log.Warn("what a schedule has fired could not be stored; its executions will tell", "pipeline", table.pipeline.Name, "error", err)
	}
	return true
}

// exists reports whether the execution of a tick is there. It is among the newest: it
// was the last thing that was done before the crash.
func (s *Service) exists(ctx context.Context, pipelineID, by string) (bool, error) {
	list, err := s.store.Executions(ctx, core.ExecutionFilter{PipelineID: pipelineID, Page: core.Page{Limit: core.MaxPageLimit}})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(list, func(e *core.Execution) bool {
		return e.Trigger.Type == core.TriggerSchedule && e.Trigger.TriggeredBy == by
	}), nil
}
