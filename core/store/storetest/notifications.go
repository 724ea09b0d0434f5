package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// notificationSuite is the part of the suite about the outbox of notifications.
func notificationSuite() map[string]func(*testing.T, core.Store) {
	return map[string]func(*testing.T, core.Store){
		"notifications":              notifications,
		"notifications: every field": everyNotificationField,
		"notifications: once":        notificationOnce,
		"notifications that are due": dueNotifications,
		"no notifications":           noNotifications,
		"notifications: own copies":  ownNotifications,
	}
}

func newNotification(executionID, list string, index int) *core.Notification {
	return &core.Notification{ID: fmt.Sprintf("%s.%s.%d", executionID, list, index), ExecutionID: executionID, PipelineID: "p",
		Event: core.NotifyFailure, List: list, Index: index, TargetType: core.TargetWebhook, Target: "example.com",
		State: core.NotificationPending, NextAt: moment(), CreatedAt: moment(), UpdatedAt: moment()}
}

func notifications(t *testing.T, s core.Store) {
	ctx := t.Context()
	first, second, other := newNotification("e", "on_failure", 0), newNotification("e", "on_failure", 1), newNotification("f", "on_failure", 0)
	for _, n := range []*core.Notification{second, first, other} {
		must(t, s.AddNotification(ctx, n))
		if n.Version != 1 {
			t.Errorf("version %d", n.Version)
		}
	}
	refused(t, core.CodeConflict, s.AddNotification(ctx, newNotification("e", "on_failure", 0)))
	list, err := s.Notifications(ctx, "e")
	must(t, err)
	same(t, []*core.Notification{first, second}, list)

	stale := *first
	first.State, first.LastError, first.Attempts = core.NotificationFailed, "no", 3
	must(t, s.UpdateNotification(ctx, first))
	refused(t, core.CodeConflict, s.UpdateNotification(ctx, &stale))
	refused(t, core.CodeNotFound, s.UpdateNotification(ctx, newNotification("none", "x", 0)))
	got, err := s.Notification(ctx, first.ID)
	must(t, err)
	same(t, first, got)
	if first.Version != 2 || stale.Version != 1 {
		t.Errorf("versions %d and %d", first.Version, stale.Version)
	}
}

func everyNotificationField(t *testing.T, s core.Store) {
	ctx := t.Context()
	n := filled[core.Notification](t)
	must(t, s.AddNotification(ctx, n))
	for range 2 {
		got, err := s.Notification(ctx, n.ID)
		must(t, err)
		same(t, n, got)
		must(t, s.UpdateNotification(ctx, n))
	}
}

// notificationOnce: whoever thinks of the same message at the same time, one is stored,
// and one of several changes of it is taken.
func notificationOnce(t *testing.T, s core.Store) {
	const many = 32
	outcomes := make(chan error, 2*many)
	together(t, many, func(int) error {
		outcomes <- s.AddNotification(t.Context(), newNotification("e", "on_start", 0))
		return nil
	})
	stored := newNotification("e", "on_start", 0)
	stored.Version = 1
	together(t, many, func(i int) error {
		changed := *stored
		changed.Attempts = i
		outcomes <- s.UpdateNotification(t.Context(), &changed)
		return nil
	})
	close(outcomes)
	taken := 0
	for err := range outcomes {
		if err == nil {
			taken++
		} else {
			refused(t, core.CodeConflict, err)
		}
	}
	if taken != 2 {
		t.Errorf("%d writes were taken, want one new and one change", taken)
	}
}

func dueNotifications(t *testing.T, s core.Store) {
	ctx := t.Context()
	var want []*core.Notification
	for i := range 5 {
		n := newNotification("e", "on_failure", i)
		n.NextAt = moment().Add(time.Duration(5-i) * time.Hour)
		must(t, s.AddNotification(ctx, n))
		want = append([]*core.Notification{n}, want...)
	}
	list, err := s.PendingNotifications(ctx, 3)
	must(t, err)
	same(t, want[:3], list)
	want[0].State = core.NotificationSent
	must(t, s.UpdateNotification(ctx, want[0]))
	want[1].NextAt = want[4].NextAt.Add(time.Hour)
	must(t, s.UpdateNotification(ctx, want[1]))
	want = append(want[2:], want[1])
	list, err = s.PendingNotifications(ctx, 10)
	must(t, err)
	same(t, want, list)
	// One that is to be tried again is due again.
	sent, err := s.Notification(ctx, newNotification("e", "on_failure", 4).ID)
	must(t, err)
	sent.State, sent.NextAt = core.NotificationPending, moment().Add(-time.Hour)
	must(t, s.UpdateNotification(ctx, sent))
	list, err = s.PendingNotifications(ctx, 1)
	must(t, err)
	same(t, []*core.Notification{sent}, list)
}

func noNotifications(t *testing.T, s core.Store) {
	ctx := t.Context()
	_, err := s.Notification(ctx, "none")
	refused(t, core.CodeNotFound, err)
	list, err := s.Notifications(ctx, "none")
	must(t, err)
	pending, err := s.PendingNotifications(ctx, 10)
	must(t, err)
	if list == nil || pending == nil || len(list)+len(pending) != 0 {
		t.Errorf("empty lists are empty, not nil: %v %v", list, pending)
	}
}

func ownNotifications(t *testing.T, s core.Store) {
	ctx := t.Context()
	at := moment()
	n := newNotification("e", "on_start", 0)
	n.SentAt = &at
	must(t, s.AddNotification(ctx, n))
	want := at
	*n.SentAt = at.Add(time.Hour)
	got, err := s.Notification(ctx, n.ID)
	must(t, err)
	same(t, want, *got.SentAt)
	*got.SentAt = at.Add(time.Hour)
	got, err = s.Notification(ctx, n.ID)
	must(t, err)
	same(t, want, *got.SentAt)
}
