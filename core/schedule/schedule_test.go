package schedule_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/schedule"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/trigger"
)

// bench is a store with a real trigger, in a bubble whose clock begins at midnight,
// 1 January 2000, UTC.
type bench struct {
	*testing.T
	store *memory.Store
	fail  func() error // what a trigger meets after it has stored an execution
}

func (b *bench) Trigger(ctx context.Context, r core.TriggerRequest) (*core.Execution, error) {
	e, err := trigger.New(b.store, func(*core.Execution) {}).Trigger(ctx, r)
	if err == nil && b.fail != nil {
		err = b.fail()
	}
	return e, err
}

func spec(expressions ...string) *core.Spec {
	s := &core.Spec{Name: "p"}
	for _, e := range expressions {
		s.Triggers = append(s.Triggers, core.Trigger{Type: core.TriggerSchedule, Config: core.TriggerConfig{CronExpression: e}})
	}
	return s
}

func (b *bench) create(id string, s *core.Spec) {
	b.Helper()
	p := &core.Pipeline{ID: id, Name: id, Revision: 1, UpdatedAt: time.Now()}
	if err := b.store.CreatePipeline(b.Context(), p, &core.PipelineRevision{PipelineID: id, Number: 1, Spec: s}); err != nil {
		b.Fatal(err)
	}
}

// start runs a service until stop is called.
func (b *bench) start() (s *schedule.Service, stop func()) {
	s = schedule.New(b.store, b, hclog.NewNullLogger())
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	synctest.Wait()
	return s, func() { cancel(); <-done }
}

// fired lists the ticks that made executions, the oldest first.
func (b *bench) fired() string {
	b.Helper()
	list, err := b.store.Executions(context.Background(), core.ExecutionFilter{})
	if err != nil {
		b.Fatal(err)
	}
	var ticks []string
	for i := len(list) - 1; i >= 0; i-- {
		_, at, _ := strings.Cut(list[i].Trigger.TriggeredBy, " at ")
		ticks = append(ticks, list[i].PipelineID+"@"+strings.TrimSuffix(at[8:], ":00Z"))
	}
	return strings.Join(ticks, " ")
}

func (b *bench) want(want string) {
	b.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, b.fired()); diff != "" {
		b.Error(diff)
	}
}

func inBubble(t *testing.T, test func(b *bench)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(&bench{T: t, store: memory.New()}) })
}

func TestFiresOnTime(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 */6 * * *", "30 12 * * *"))
		b.create("none", spec())
		s, stop := b.start()
		defer stop()
		time.Sleep(24*time.Hour + time.Minute)
		b.want("p@01T06:00 p@01T12:00 p@01T12:30 p@01T18:00 p@02T00:00")
		states, _ := s.States(b.Context())
		if len(states) != 2 || !states[0].Next.Equal(time.Date(2000, 1, 2, 6, 0, 0, 0, time.UTC)) || !states[0].Last.Equal(time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)) {
			b.Errorf("%+v", states)
		}
	})
}

func TestChanges(t *testing.T) {
	inBubble(t, func(b *bench) {
		s, stop := b.start()
		defer stop()
		b.create("p", spec("0 * * * *"))
		s.Changed("p")
		time.Sleep(90 * time.Minute)
		p, err := b.store.Pipeline(b.Context(), "p")
		if err != nil {
			b.Fatal(err)
		}
		p.Revision, p.UpdatedAt = 2, time.Now()
		if err := b.store.UpdatePipeline(b.Context(), p, &core.PipelineRevision{PipelineID: "p", Number: 2, Spec: spec("45 * * * *")}); err != nil {
			b.Fatal(err)
		}
		s.Changed("p")
		time.Sleep(time.Hour)
		b.want("p@01T01:00 p@01T01:45")
		if err := b.store.DeletePipeline(b.Context(), "p"); err != nil {
			b.Fatal(err)
		}
		s.Changed("p")
		time.Sleep(5 * time.Hour)
		b.want("p@01T01:00 p@01T01:45")
		if states, _ := s.States(b.Context()); len(states) != 0 {
			b.Errorf("%+v", states)
		}
	})
}

// Of what is missed in a downtime, the latest is made up for, if it is young enough.
func TestDowntime(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("often", spec("*/10 * * * *"))
		b.create("daily", spec("0 1 * * *"))
		_, stop := b.start()
		time.Sleep(15 * time.Minute)
		stop()
		time.Sleep(3 * time.Hour)
		_, stop = b.start()
		b.want("often@01T00:10 often@01T03:10")
		time.Sleep(6 * time.Minute)
		b.want("often@01T00:10 often@01T03:10 often@01T03:20")
		stop()
		_, stop = b.start() // nothing is fired twice
		defer stop()
		b.want("often@01T00:10 often@01T03:10 often@01T03:20")
	})
}

// A schedule says itself what becomes of what it has missed.
func TestMissedPolicies(t *testing.T) {
	inBubble(t, func(b *bench) {
		for name, config := range map[string]core.TriggerConfig{
			"skips": {CronExpression: "*/10 * * * *", Missed: core.MissedSkip},
			"young": {CronExpression: "0 1 * * *", Missed: core.MissedOnce},
			"old":   {CronExpression: "0 1 * * *", MissedWithin: core.Duration(3 * time.Hour)},
		} {
			s := spec()
			s.Triggers = []core.Trigger{{Type: core.TriggerSchedule, Config: config}}
			b.create(name, s)
		}
		_, stop := b.start()
		time.Sleep(15 * time.Minute)
		stop()
		time.Sleep(3 * time.Hour)
		_, stop = b.start()
		defer stop()
		b.want("skips@01T00:10 old@01T01:00")
		time.Sleep(6 * time.Minute)
		b.want("skips@01T00:10 old@01T01:00 skips@01T03:20")
	})
}

// A crash between the execution and the note of it, or a store that is away: one
// execution a tick.
func TestOncePerTick(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 * * * *"))
		b.fail = func() error { return errors.New("the answer got lost") }
		_, stop := b.start()
		time.Sleep(61 * time.Minute)
		stop()
		b.fail = nil
		_, stop = b.start()
		defer stop()
		time.Sleep(time.Minute)
		b.want("p@01T01:00")
		time.Sleep(time.Hour)
		b.want("p@01T01:00 p@01T02:00")
	})
}

// A pipeline that cannot be started by itself holds up nobody, and is not tried over
// and over.
func TestRefused(t *testing.T) {
	inBubble(t, func(b *bench) {
		needs := spec("0 * * * *")
		needs.Params = []core.Param{{Name: "version", Type: core.ParamString, Required: true}}
		b.create("needs", needs)
		b.create("p", spec("0 * * * *"))
		_, stop := b.start()
		defer stop()
		time.Sleep(2 * time.Hour)
		b.want("p@01T01:00 p@01T02:00")
	})
}
