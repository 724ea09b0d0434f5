// Package schedule runs pipelines at the times that their triggers of type schedule
// name.
//
// A tick makes one execution, whose ID is made of it. After a downtime, and after a
// clock that jumped forward, the latest missed tick is fired, if the schedule does not
// skip it and it is not too old (DefaultMissed, or what the schedule says); the others
// are skipped, and the log says so. A clock that is set back fires nothing twice: a
// schedule goes on when the clock is past the last tick that it fired.
package schedule

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
)

// DefaultMissed is how old a tick may be that is still fired after a downtime, if the
// schedule does not say.
const DefaultMissed = time.Hour

// maxSleep bounds how late a change of the machine's clock is noticed: timers do not
// follow it. A round in which nothing is due asks nobody anything.
const maxSleep = time.Minute

// Store is what a Service needs.
type Store interface {
	core.SettingStore
	Pipelines(ctx context.Context, page core.Page) ([]*core.Pipeline, error)
	Pipeline(ctx context.Context, id string) (*core.Pipeline, error)
	Revision(ctx context.Context, pipelineID string, number int) (*core.PipelineRevision, error)
}

// Service fires schedules. It is safe for concurrent use.
type Service struct {
	store   Store
	trigger core.Triggerer
	log     hclog.Logger
	// round is when the last round began; only Run uses it.
	round time.Time

	// mu guards what follows, and what States reads of the entries: only Run writes
	// those, so that Run itself reads them without it.
	mu        sync.Mutex
	pipelines map[string]*timetable
	changed   map[string]bool
	wake      chan struct{}
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

// Run fires schedules until ctx ends. It is called once.
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
		if c := compareNext(a.Next, b.Next); c != 0 {
			return c
		}
		if c := strings.Compare(a.PipelineID, b.PipelineID); c != 0 {
			return c
		}
		return strings.Compare(a.CronExpression+" "+a.TimeZone, b.CronExpression+" "+b.TimeZone)
	})
	return states, nil
}

// compareNext puts what never fires last.
func compareNext(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return a.Compare(*b)
}
