// Package schedule runs pipelines at the times that their triggers of type schedule
// name.
//
// A tick makes one execution: the execution says which tick it is for, and is looked
// for before a tick is fired that may have been fired before a restart. After a
// downtime the latest missed tick is fired, if it is not older than MaxMissed; the
// others are skipped. A clock that is set back fires nothing twice.
package schedule

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/cron"
)

// MaxMissed is how old a tick may be that is still fired after a downtime.
const MaxMissed = time.Hour

// maxSleep bounds how late a change of the machine's clock is noticed.
const maxSleep = time.Minute

// Store is what a Service needs.
type Store interface {
	core.SettingStore
	Pipelines(ctx context.Context, page core.Page) ([]*core.Pipeline, error)
	Pipeline(ctx context.Context, id string) (*core.Pipeline, error)
	Revision(ctx context.Context, pipelineID string, number int) (*core.PipelineRevision, error)
	Executions(ctx context.Context, filter core.ExecutionFilter) ([]*core.Execution, error)
}

// Service fires schedules. It is safe for concurrent use.
type Service struct {
	store   Store
	trigger core.Triggerer
	log     hclog.Logger

	mu        sync.Mutex
	pipelines map[string]*timetable
	changed   map[string]bool
	wake      chan struct{}
}

// timetable is the schedules of one pipeline.
type timetable struct {
	pipeline *core.Pipeline
	entries  []*entry
}

// entry is one schedule.
type entry struct {
	expression, zone string
	schedule         *cron.Schedule
	// since is the time up to which everything has been fired or skipped.
	since time.Time
	last  *time.Time // the last tick that was fired
	next  *time.Time
	// unsure: a tick may have been fired that since does not know of.
	unsure bool
}

// New makes a service; Run starts it.
func New(store Store, trigger core.Triggerer, log hclog.Logger) *Service {
	return &Service{store: store, trigger: trigger, log: log, pipelines: map[string]*timetable{}, changed: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// Changed says that a pipeline was created, updated or deleted. It does not block.
func (s *Service) Changed(pipelineID string) {
	s.mu.Lock()
	s.changed[pipelineID] = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run fires schedules until ctx ends.
func (s *Service) Run(ctx context.Context) {
	for err := s.loadAll(ctx); err != nil && ctx.Err() == nil; err = s.loadAll(ctx) {
		s.log.Error("the schedules cannot be read; trying again", "error", err)
		pause(ctx, maxSleep)
	}
	for ctx.Err() == nil {
		s.takeChanges(ctx)
		timer := time.NewTimer(s.fireDue(ctx))
		select {
		case <-timer.C:
		case <-s.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
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
				return err
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
		if err != nil && ctx.Err() == nil {
			s.log.Error("the schedules of a pipeline cannot be read; trying again", "pipeline", id, "error", err)
			s.mu.Lock()
			s.changed[id] = true
			s.mu.Unlock()
		}
	}
}

// load reads the schedules of a pipeline. Those that it had before keep their place.
func (s *Service) load(ctx context.Context, p *core.Pipeline) error {
	revision, err := s.store.Revision(ctx, p.ID, p.Revision)
	if err != nil {
		return err
	}
	var entries []*entry
	for _, trigger := range revision.Spec.Triggers {
		if trigger.Type != core.TriggerSchedule {
			continue
		}
		parsed, err := cron.Parse(trigger.Config.CronExpression, trigger.Config.TimeZone)
		if err != nil {
			s.log.Error("a schedule is left out", "pipeline", p.Name, "error", err)
			continue
		}
		entries = append(entries, &entry{expression: trigger.Config.CronExpression, zone: trigger.Config.TimeZone, schedule: parsed, since: p.UpdatedAt, unsure: true})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(entries) == 0 {
		delete(s.pipelines, p.ID)
		return nil
	}
	fired, err := s.fired(ctx, p.ID)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, e := range entries {
		if last, known := fired[e.key()]; known {
			e.last, e.since = &last, last
		}
		e.plan(now)
	}
	s.pipelines[p.ID] = &timetable{pipeline: p, entries: entries}
	return nil
}

func (e *entry) key() string { return strings.TrimSpace(e.expression + " " + e.zone) }

// plan sets when the entry fires next, as far as can be said now.
func (e *entry) plan(now time.Time) {
	from := e.since
	if now.After(from) {
		from = now
	}
	e.next = nil
	if next, ok := e.schedule.Next(from); ok {
		e.next = &next
	}
}

// due returns the latest tick that is to be fired by now, if there is one.
func (e *entry) due(now time.Time) (tick time.Time, ok bool) {
	from := e.since
	if oldest := now.Add(-MaxMissed); from.Before(oldest) {
		from = oldest
	}
	for next, more := e.schedule.Next(from); more && !next.After(now); next, more = e.schedule.Next(next) {
		tick, ok = next, true
	}
	return tick, ok
}

// settingKey is where the last ticks of a pipeline are stored.
func settingKey(pipelineID string) string { return "schedule/" + pipelineID }

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

// fireDue fires what is due and returns how long nothing else is.
func (s *Service) fireDue(ctx context.Context) time.Duration {
	now := time.Now()
	sleep := maxSleep
	s.mu.Lock()
	tables := make([]*timetable, 0, len(s.pipelines))
	for _, table := range s.pipelines {
		tables = append(tables, table)
	}
	s.mu.Unlock()
	for _, table := range tables {
		for _, e := range table.entries {
			if tick, ok := e.due(now); ok && !s.fire(ctx, table, e, tick) {
				continue // the store is away: the next round tries again
			}
			s.mu.Lock()
			e.plan(now)
			if e.next != nil {
				sleep = min(sleep, e.next.Sub(now))
			}
			s.mu.Unlock()
		}
	}
	return max(sleep, time.Millisecond)
}

// fire makes the execution of a tick, once. It is false when it is to be tried again.
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
		case core.CodeInvalid, core.CodeNotFound:
			// No repetition mends it: a parameter without a value, a pipeline that is gone.
			s.log.Error("a schedule could not start its pipeline", "pipeline", table.pipeline.Name, "tick", tick, "error", err)
		default:
			s.log.Error("a schedule could not start its pipeline; trying again", "pipeline", table.pipeline.Name, "tick", tick, "error", err)
			e.unsure = true
			return false
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
	data, err := json.Marshal(fired)
	if err == nil {
		err = s.store.PutSetting(ctx, settingKey(table.pipeline.ID), data)
	}
	if err != nil {
		s.log.Warn("what a schedule has fired could not be stored; its executions will tell", "pipeline", table.pipeline.Name, "error", err)
	}
	return true
}

// exists reports whether the execution of a tick is there.
func (s *Service) exists(ctx context.Context, pipelineID, by string) (bool, error) {
	list, err := s.store.Executions(ctx, core.ExecutionFilter{PipelineID: pipelineID, Page: core.Page{Limit: core.MaxPageLimit}})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(list, func(e *core.Execution) bool {
		return e.Trigger.Type == core.TriggerSchedule && e.Trigger.TriggeredBy == by
	}), nil
}

// States lists all schedules, those that fire first in front.
func (s *Service) States(context.Context) ([]core.ScheduleState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := []core.ScheduleState{}
	for id, table := range s.pipelines {
		for _, e := range table.entries {
			states = append(states, core.ScheduleState{PipelineID: id, PipelineName: table.pipeline.Name, CronExpression: e.expression,
				TimeZone: e.zone, Next: e.next, Last: e.last})
		}
	}
	slices.SortFunc(states, func(a, b core.ScheduleState) int {
		switch {
		case a.Next == nil || b.Next == nil:
			return strings.Compare(a.PipelineID, b.PipelineID)
		case !a.Next.Equal(*b.Next):
			return a.Next.Compare(*b.Next)
		}
		return strings.Compare(a.PipelineID, b.PipelineID)
	})
	return states, nil
}
