package notify_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/notify"
)

// Each way in which a run ends tells whom it concerns, once, however often the engine
// stores the run.
func TestEvents(t *testing.T) {
	t.Parallel()
	v := receive(t, nil)
	target := []core.NotificationTarget{{Type: core.TargetWebhook, Config: map[string]string{"webhook_url": v.URL}}}
	all := &core.Notifications{OnStart: target, OnSuccess: target, OnFailure: target, OnCancel: target, OnFinish: append(target, target...)}
	for status, want := range map[core.Status][]string{
		core.StatusSuccess:   {"on_finish.success.0", "on_finish.success.1", "on_start.start.0", "on_success.success.0"},
		core.StatusFailed:    {"on_failure.failure.0", "on_finish.failure.0", "on_finish.failure.1", "on_start.start.0"},
		core.StatusTimeout:   {"on_failure.failure.0", "on_finish.failure.0", "on_finish.failure.1", "on_start.start.0"},
		core.StatusCancelled: {"on_cancel.cancel.0", "on_finish.cancel.0", "on_finish.cancel.1", "on_start.start.0"},
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			e := b.execution(all)
			for _, s := range []core.Status{core.StatusRunning, core.StatusWaiting, core.StatusRunning, status} {
				b.move(e, s, "")
			}
			b.move(e, status, "once more") // as after a crash
			var got []string
			for _, n := range b.settled(e, 4) {
				if n.State != core.NotificationSent {
					t.Errorf("%+v", n)
				}
				got = append(got, n.ID[len(e.ID)+1:])
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A run that was cancelled before it began has no start to tell of.
func TestNeverStarted(t *testing.T) {
	t.Parallel()
	b, v := newBench(t, nil), receive(t, nil)
	target := []core.NotificationTarget{{Type: core.TargetWebhook, Config: map[string]string{"webhook_url": v.URL}}}
	e := b.execution(&core.Notifications{OnStart: target, OnCancel: target})
	now := time.Now().UTC()
	e.Status, e.FinishedAt = core.StatusCancelled, &now
	if err := b.watched.UpdateExecution(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if list := b.settled(e, 1); len(list) != 1 || list[0].Event != core.NotifyCancel || list[0].State != core.NotificationSent {
		t.Errorf("%+v", list[0])
	}
}

// halfway is a store that dies between the notification and the change it tells of.
type halfway struct{ core.Store }

var errKilled = errors.New("killed")

func (halfway) UpdateExecution(context.Context, *core.Execution) error { return errKilled }

// What was stored for a change that never came is not told, also when the run ends
// otherwise after a restart; and what was stored before a crash is sent after it.
func TestCrash(t *testing.T) {
	t.Parallel()
	b, v := newBench(t, nil), receive(t, nil)
	target := []core.NotificationTarget{{Type: core.TargetWebhook, Config: map[string]string{"webhook_url": v.URL}}}
	e := b.execution(&core.Notifications{OnSuccess: target, OnFailure: target})
	b.move(e, core.StatusRunning, "")
	lost := *e
	lost.Status = core.StatusFailed
	if err := b.service.Watch(halfway{b.store}).UpdateExecution(t.Context(), &lost); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if list := b.await(e, func(list []*core.Notification) bool { return len(list) == 1 }); list[0].State != core.NotificationPending {
		t.Errorf("told of what did not happen: %+v", list[0])
	}
	b.stop()
	b.move(e, core.StatusSuccess, "")
	if len(v.got()) != 0 {
		t.Error("somebody sends")
	}
	b.start()
	list := b.settled(e, 2)
	states := map[core.NotificationEvent]core.NotificationState{}
	for _, n := range list {
		states[n.Event] = n.State
	}
	want := map[core.NotificationEvent]core.NotificationState{core.NotifySuccess: core.NotificationSent, core.NotifyFailure: core.NotificationSkipped}
	if diff := cmp.Diff(want, states); diff != "" || len(v.got()) != 1 {
		t.Error(diff, len(v.got()))
	}
}

// A server that ends while it sends sends again after the next start, with the same ID.
func TestCutOff(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	b := newBench(t, func(o *notify.Options) { o.SendTimeout = time.Minute })
	v := receive(t, func(_ http.ResponseWriter, r *http.Request, number int) {
		if number == 1 {
			arrived <- struct{}{}
			<-r.Context().Done()
		}
	})
	e := b.execution(onFailure(core.TargetWebhook, map[string]string{"webhook_url": v.URL}))
	b.fail(e)
	<-arrived
	b.stop()
	b.start()
	n := b.settled(e, 1)[0]
	calls := v.got()
	if n.State != core.NotificationSent || n.Attempts != 1 || len(calls) != 2 ||
		calls[0].header.Get("X-Patchbay-Delivery") != calls[1].header.Get("X-Patchbay-Delivery") {
		t.Errorf("%+v, %d calls", n, len(calls))
	}
}

// What failed for good is sent when a person has mended what was wrong; what was sent is
// not sent again.
func TestRetry(t *testing.T) {
	t.Parallel()
	b, v := newBench(t, nil), receive(t, nil)
	e := b.execution(onFailure(core.TargetWebhook, map[string]string{"webhook_url": "${{ secrets.HOOK_URL }}"}))
	b.fail(e)
	n := b.settled(e, 1)[0]
	if n.State != core.NotificationFailed || n.Attempts != 1 {
		t.Fatalf("%+v", n)
	}
	b.secret("HOOK_URL", v.URL)
	retried, err := b.service.RetryNotification(t.Context(), e.ID, n.ID)
	if err != nil || retried.State != core.NotificationPending || retried.Attempts != 0 {
		t.Fatalf("%+v, %v", retried, err)
	}
	if n = b.settled(e, 1)[0]; n.State != core.NotificationSent || n.LastError != "" {
		t.Errorf("%+v", n)
	}
	if _, err := b.service.RetryNotification(t.Context(), e.ID, n.ID); core.CodeOf(err) != core.CodeConflict {
		t.Error(err)
	}
	for _, ids := range [][2]string{{"another", n.ID}, {e.ID, "none"}} {
		if _, err := b.service.RetryNotification(t.Context(), ids[0], ids[1]); core.CodeOf(err) != core.CodeNotFound {
			t.Error(err)
		}
	}
	if len(v.got()) != 1 {
		t.Errorf("%d calls", len(v.got()))
	}
}

// away is a store that does not take notifications.
type away struct{ core.Store }

func (away) AddNotification(context.Context, *core.Notification) error {
	return core.Errorf(core.CodeUnavailable, "the disk is full")
}

// A change that cannot be told of is not made: whoever makes it tries again, as with
// every write. A pipeline that wants nothing told does not notice.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.options.Store = away{b.store}
	b.stop()
	b.start()
	e := b.execution(onFailure(core.TargetWebhook, nil))
	b.move(e, core.StatusRunning, "")
	e.Status = core.StatusFailed
	if err := b.watched.UpdateExecution(t.Context(), e); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	if stored, err := b.store.Execution(t.Context(), e.ID); err != nil || stored.Status != core.StatusRunning {
		t.Errorf("%+v, %v", stored, err)
	}
	b.fail(b.execution(nil))
}
