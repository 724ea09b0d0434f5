package schedule

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

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
// The execution comes first and the note of it second. Its ID is the tick's: after a
// crash in between, the second request for it gets the execution of the first.
func (s *Service) fire(ctx context.Context, table *timetable, e *entry, tick time.Time) bool {
	by := fmt.Sprintf("schedule %s at %s", e.key(), tick.UTC().Format(time.RFC3339))
	_, err := s.trigger.Trigger(ctx, core.TriggerRequest{PipelineID: table.pipeline.ID, ExecutionID: executionID(table.pipeline.ID, e.key(), tick),
		Info: core.TriggerInfo{Type: core.TriggerSchedule, TriggeredBy: by}})
	switch core.CodeOf(err) {
	case "":
	case core.CodeInternal, core.CodeUnavailable, core.CodeTimeout, core.CodeExternal:
		if ctx.Err() == nil {
			s.log.Error("a schedule could not start its pipeline; trying again", "pipeline", table.pipeline.Name, "tick", tick, "error", err)
		}
		return false
	default:
		// No repetition mends it: a parameter without a value, a pipeline that is gone.
		s.log.Error("a schedule could not start its pipeline", "pipeline", table.pipeline.Name, "tick", tick, "error", err)
	}
	s.mu.Lock()
	e.since, e.last = tick, &tick
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

// executionID derives the ID of the execution of a tick: a UUIDv7 (RFC 9562) of the
// tick's time, so that lists stay in order.
func executionID(pipelineID, key string, tick time.Time) string {
	sum := sha256.Sum256([]byte("tick\x00" + pipelineID + "\x00" + key + "\x00" + tick.UTC().Format(time.RFC3339)))
	id := uuid.UUID(sum[:16])
	milliseconds := binary.BigEndian.AppendUint64(nil, uint64(tick.UnixMilli()))
	copy(id[:6], milliseconds[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
