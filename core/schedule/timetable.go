package schedule

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/cron"
)

// timetable is the schedules of one pipeline.
type timetable struct {
	pipeline *core.Pipeline
	entries  []*entry
}

// entry is one schedule.
type entry struct {
	expression, zone string
	schedule         *cron.Schedule
	// within is how old a tick may be that is still fired.
	within time.Duration
	// since is the time up to which everything has been fired or was never due.
	since time.Time
	last  *time.Time // the last tick that was fired
	// next is the first tick after what is settled; nothing is due before it, unless
	// the entry is fresh: then nobody has looked what was missed.
	next  *time.Time
	fresh bool
	// told is up to where the log says what was skipped.
	told time.Time
}

// key names the entry in the store and in its executions. Of two schedules of a
// pipeline with the same key only one counts.
func (e *entry) key() string { return strings.Join(strings.Fields(e.expression+" "+e.zone), " ") }

// plan sets when the entry fires next, as far as can be said now.
func (e *entry) plan(now time.Time) {
	e.next = nil
	if next, ok := e.schedule.Next(later(e.since, now)); ok {
		e.next = &next
	}
}

// due returns the latest tick that is to be fired by now, if there is one, and
// the first of those that are skipped and that the log does not know of.
func (e *entry) due(now time.Time) (tick time.Time, ok bool, skipped *time.Time) {
	from, oldest := e.since, now.Add(-e.within)
	if from.Before(oldest) {
		from = oldest.Add(-time.Nanosecond)
		if next, more := e.schedule.Next(later(e.since, e.told)); more && next.Before(oldest) {
			skipped = &next
		}
	}
	for next, more := e.schedule.Next(from); more && !next.After(now); next, more = e.schedule.Next(next) {
		if ok && skipped == nil && tick.After(e.told) {
			first := tick
			skipped = &first
		}
		tick, ok = next, true
	}
	return tick, ok, skipped
}

// within is how old a tick of a schedule may be that is still fired. One that is to be
// skipped when it is missed may be as old as it gets while a server runs.
func within(c core.TriggerConfig) time.Duration {
	switch {
	case c.Missed == core.MissedSkip:
		return maxSleep
	case c.MissedWithin > 0:
		return time.Duration(c.MissedWithin)
	}
	return DefaultMissed
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *Service) loadAll(ctx context.Context) error {
	page := core.Page{Limit: core.MaxPageLimit}
	for {
		list, err := s.store.Pipelines(ctx, page)
		if err != nil {
			return err
		}
		for _, p := range list {
			if err := s.load(ctx, p); err != nil {
				s.again(ctx, p.ID, err)
			}
		}
		if len(list) < page.Limit {
			return nil
		}
		page.After = list[len(list)-1].ID
	}
}

// takeChanges reads what has changed anew. What cannot be read stays to be read.
func (s *Service) takeChanges(ctx context.Context) {
	s.mu.Lock()
	changed := s.changed
	s.changed = map[string]bool{}
	s.mu.Unlock()
	for id := range changed {
		p, err := s.store.Pipeline(ctx, id)
		switch {
		case err == nil:
			err = s.load(ctx, p)
		case core.CodeOf(err) == core.CodeNotFound:
			s.mu.Lock()
			delete(s.pipelines, id)
			s.mu.Unlock()
			err = s.store.PutSetting(ctx, settingKey(id), nil)
		}
		if err != nil {
			s.again(ctx, id, err)
		}
	}
}

// again has a pipeline read anew in the next round, and holds up no other.
func (s *Service) again(ctx context.Context, id string, err error) {
	if ctx.Err() == nil {
		s.log.Error("the schedules of a pipeline cannot be read; trying again", "pipeline", id, "error", err)
	}
	s.mu.Lock()
	s.changed[id] = true
	s.mu.Unlock()
}

// load reads the schedules of a pipeline. Those that it had before keep their place.
func (s *Service) load(ctx context.Context, p *core.Pipeline) error {
	revision, err := s.store.Revision(ctx, p.ID, p.Revision)
	if err != nil {
		return err
	}
	fired, err := s.fired(ctx, p.ID)
	if err != nil {
		return err
	}
	before := map[string]*entry{}
	if table := s.pipelines[p.ID]; table != nil {
		for _, e := range table.entries {
			before[e.key()] = e
		}
	}
	entries, keys := s.entries(p, revision.Spec, fired, before)
	if err := s.forget(ctx, p.ID, fired, keys); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pipelines, p.ID)
	if len(entries) > 0 {
		s.pipelines[p.ID] = &timetable{pipeline: p, entries: entries}
	}
	return nil
}

// entries makes those of a spec. What has been fired is known from the store, and from
// the entries before an update: one at the moment of a tick does not lose it.
func (s *Service) entries(p *core.Pipeline, spec *core.Spec, fired map[string]time.Time, before map[string]*entry) (entries []*entry, keys map[string]bool) {
	now := time.Now().Round(0)
	keys = map[string]bool{}
	for _, trigger := range spec.Triggers {
		if trigger.Type != core.TriggerSchedule {
			continue
		}
		e := &entry{expression: trigger.Config.CronExpression, zone: trigger.Config.TimeZone, within: within(trigger.Config),
			since: p.UpdatedAt, fresh: true}
		var err error
		if e.schedule, err = cron.Parse(e.expression, e.zone); err != nil {
			s.log.Error("a schedule is left out", "pipeline", p.Name, "error", err)
			continue
		}
		key := e.key()
		if keys[key] {
			continue
		}
		keys[key] = true
		last, known := fired[key]
		if known {
			e.last, e.since = &last, last
		}
		if old := before[key]; old != nil && (!known || old.since.After(last)) {
			e.last, e.since = old.last, old.since
		}
		if e.since.After(now.Add(DefaultMissed)) {
			s.log.Warn("a schedule waits until the clock is past its last tick: was the clock set back?", "pipeline", p.Name, "schedule", key, "last", e.since)
		}
		e.plan(now)
		entries = append(entries, e)
	}
	return entries, keys
}

// settingKey is where the last ticks of a pipeline are stored.
func settingKey(pipelineID string) string { return "schedule/" + pipelineID }

// fired returns the last tick that was fired of each schedule, by its key.
func (s *Service) fired(ctx context.Context, pipelineID string) (map[string]time.Time, error) {
	data, err := s.store.Setting(ctx, settingKey(pipelineID))
	if err != nil || data == nil {
		return nil, err
	}
	var fired map[string]time.Time
	if err := json.Unmarshal(data, &fired); err != nil {
		s.log.Error("what a schedule has fired cannot be read; its executions tell", "pipeline", pipelineID, "error", err)
		return nil, nil
	}
	return fired, nil
}

// forget drops the last ticks of schedules that a pipeline has no more: one that it
// gets back later begins anew, and does not make up for the time between.
func (s *Service) forget(ctx context.Context, pipelineID string, fired map[string]time.Time, keep map[string]bool) error {
	kept := map[string]time.Time{}
	for key, last := range fired {
		if keep[key] {
			kept[key] = last
		}
	}
	if len(kept) == len(fired) {
		return nil
	}
	return s.putFired(ctx, pipelineID, kept)
}

func (s *Service) putFired(ctx context.Context, pipelineID string, fired map[string]time.Time) error {
	if len(fired) == 0 {
		return s.store.PutSetting(ctx, settingKey(pipelineID), nil)
	}
	data, err := json.Marshal(fired)
	if err != nil {
		return err
	}
	return s.store.PutSetting(ctx, settingKey(pipelineID), data)
}
