package schedule_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/schedule"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// faulty is a store of which some calls fail.
type faulty struct {
	*memory.Store
	settings error  // what PutSetting returns
	broken   string // the pipeline whose revision cannot be read
}

func (f *faulty) PutSetting(ctx context.Context, key string, value []byte) error {
	if f.settings != nil {
		return f.settings
	}
	return f.Store.PutSetting(ctx, key, value)
}

func (f *faulty) Revision(ctx context.Context, id string, number int) (*core.PipelineRevision, error) {
	if id == f.broken {
		return nil, errors.New("a bad block")
	}
	return f.Store.Revision(ctx, id, number)
}

// startOn runs a service on another store, which logs to the buffer; read it after stop.
func (b *bench) startOn(store schedule.Store) (s *schedule.Service, log *bytes.Buffer, stop func()) {
	log = &bytes.Buffer{}
	s = schedule.New(store, b, hclog.New(&hclog.LoggerOptions{Output: log}))
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	synctest.Wait()
	return s, log, func() { cancel(); <-done }
}

func (b *bench) update(id string, s *core.Spec) {
	b.Helper()
	p, err := b.store.Pipeline(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	p.Revision, p.UpdatedAt = p.Revision+1, time.Now()
	if err := b.store.UpdatePipeline(b.Context(), p, &core.PipelineRevision{PipelineID: id, Number: p.Revision, Spec: s}); err != nil {
		b.Fatal(err)
	}
}

// However much has run since.
func TestCrashAmongMany(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 * * * *"))
		_, _, stop := b.startOn(&faulty{Store: b.store, settings: errors.New("the disk is full")})
		time.Sleep(61 * time.Minute)
		stop()
		for range 2 * core.MaxPageLimit {
			if _, err := b.Trigger(b.Context(), core.TriggerRequest{PipelineID: "p", Info: core.TriggerInfo{TriggeredBy: "somebody at 2000-01-01T01:01:00Z"}}); err != nil {
				b.Fatal(err)
			}
		}
		_, stop = b.start()
		time.Sleep(20 * time.Minute)
		stop()
		list, err := b.store.Executions(context.Background(), core.ExecutionFilter{Page: core.Page{Limit: core.MaxPageLimit}})
		for page := list; err == nil && len(page) == core.MaxPageLimit; list = append(list, page...) {
			page, err = b.store.Executions(context.Background(), core.ExecutionFilter{Page: core.Page{Limit: core.MaxPageLimit, After: page[len(page)-1].ID}})
		}
		if err != nil || len(list) != 2*core.MaxPageLimit+1 {
			b.Errorf("%d executions, %v; want one of the schedule", len(list), err)
		}
	})
}

// The execution of a tick is stored, the note of it is not: the next start gets the
// execution.
func TestCrashBeforeTheNote(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 * * * *"))
		_, log, stop := b.startOn(&faulty{Store: b.store, settings: errors.New("the disk is full")})
		time.Sleep(61 * time.Minute)
		stop()
		b.want("p@01T01:00")
		if !strings.Contains(log.String(), "the disk is full") {
			b.Error(log)
		}
		_, stop = b.start()
		time.Sleep(20 * time.Minute)
		stop()
		b.want("p@01T01:00")
	})
}

func TestDaylightSaving(t *testing.T) {
	for name, test := range map[string]struct {
		begin time.Time
		want  string
	}{
		"a time that does not exist": {time.Date(2000, 3, 24, 12, 0, 0, 0, time.UTC), "p@25T01:30 p@26T01:00 p@27T00:30"},
		"a time that exists twice":   {time.Date(2000, 10, 27, 12, 0, 0, 0, time.UTC), "p@28T00:30 p@29T00:30 p@30T01:30"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				time.Sleep(time.Until(test.begin))
				s := spec("30 2 * * *")
				s.Triggers[0].Config.TimeZone = "Europe/Berlin"
				b.create("p", s)
				_, stop := b.start()
				defer stop()
				time.Sleep(3 * 24 * time.Hour)
				b.want(test.want)
			})
		})
	}
}

// An update at the moment of a tick does not lose the tick.
func TestUpdateAtATick(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 * * * *"))
		b.create("slow", spec("59 0 * * *"))
		slow := 2 * time.Minute
		b.fail = func() error {
			time.Sleep(slow)
			slow = 0
			return nil
		}
		s, stop := b.start()
		defer stop()
		time.Sleep(time.Hour + 30*time.Second) // while the start of the other one takes its time
		b.update("p", spec("0 * * * *", "30 5 * * *"))
		s.Changed("p")
		time.Sleep(2 * time.Minute)
		b.want("slow@01T00:59 p@01T01:00")
	})
}

// A schedule that comes back does not make up for the time in which it was away, also
// when the server was down as it went.
func TestComesBack(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 * * * *"))
		_, stop := b.start()
		time.Sleep(90 * time.Minute)
		stop()
		b.update("p", spec())
		s, stop := b.start()
		defer stop()
		time.Sleep(time.Hour)
		b.update("p", spec("0 * * * *"))
		s.Changed("p")
		b.want("p@01T01:00")
		time.Sleep(time.Hour)
		b.want("p@01T01:00 p@01T03:00")
	})
}

func TestTheSameTwice(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 * * * *", "0  * * * *"))
		_, stop := b.start()
		defer stop()
		time.Sleep(3*time.Hour + time.Minute)
		b.want("p@01T01:00 p@01T02:00 p@01T03:00")
	})
}

// One pipeline that cannot be read holds up no other, and is read when it can be.
func TestUnreadable(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("30 * * * *"))
		b.create("q", spec("30 * * * *"))
		store := &faulty{Store: b.store, broken: "p"}
		_, log, stop := b.startOn(store)
		time.Sleep(31 * time.Minute)
		b.want("q@01T00:30")
		stop()
		if !strings.Contains(log.String(), "a bad block") {
			b.Error(log)
		}
		_, stop = b.start()
		defer stop()
		b.want("q@01T00:30 p@01T00:30")
	})
}

// A clock that was set back by a day fires no tick of that day again; the log says what
// the schedule waits for.
func TestClockSetBack(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 * * * *"))
		if err := b.store.PutSetting(b.Context(), "schedule/p", []byte(`{"0 * * * *":"2000-01-02T00:00:00Z"}`)); err != nil {
			b.Fatal(err)
		}
		s, log, stop := b.startOn(b.store)
		time.Sleep(24*time.Hour + time.Minute)
		b.want("")
		if states, _ := s.States(b.Context()); len(states) != 1 || !states[0].Next.Equal(time.Date(2000, 1, 2, 1, 0, 0, 0, time.UTC)) {
			b.Errorf("%+v", states)
		}
		time.Sleep(time.Hour)
		b.want("p@02T01:00")
		stop()
		if !strings.Contains(log.String(), "set back") {
			b.Error(log)
		}
	})
}

// What is skipped is said once a downtime.
func TestSkippedIsSaid(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.create("p", spec("0 1 * * *"))
		time.Sleep(53 * time.Hour)
		_, log, stop := b.startOn(b.store)
		time.Sleep(24 * time.Hour)
		b.want("p@04T01:00")
		stop()
		if n := strings.Count(log.String(), "missed ticks"); n != 1 || !strings.Contains(log.String(), "2000-01-01T01:00") && !strings.Contains(log.String(), "2000-01-01 01:00") {
			b.Errorf("said %d times:\n%s", n, log)
		}
	})
}
