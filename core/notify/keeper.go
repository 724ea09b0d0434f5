package notify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Notifications implements core.NotificationKeeper.
func (s *Service) Notifications(ctx context.Context, executionID string) ([]*core.Notification, error) {
	list, err := s.options.Store.Notifications(ctx, executionID)
	slices.SortStableFunc(list, func(a, b *core.Notification) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.List, b.List), cmp.Compare(a.Index, b.Index))
	})
	return list, err
}

// RetryNotification implements core.NotificationKeeper.
func (s *Service) RetryNotification(ctx context.Context, executionID, id string) (*core.Notification, error) {
	for {
		n, err := s.options.Store.Notification(ctx, id)
		if err != nil {
			return nil, err
		}
		switch {
		case n.ExecutionID != executionID:
			return nil, core.NotFound("notification", id)
		case n.State == core.NotificationSent:
			return nil, core.Errorf(core.CodeConflict, "the notification was sent already, at %s", n.SentAt.Format(time.RFC3339))
		case n.State == core.NotificationSkipped:
			return nil, &core.Error{Code: core.CodeConflict, Message: "there is nothing to send any more", Details: n.LastError}
		}
		n.State, n.Attempts, n.NextAt, n.UpdatedAt = core.NotificationPending, 0, time.Now().UTC(), time.Now().UTC()
		err = s.options.Store.UpdateNotification(ctx, n)
		if core.CodeOf(err) == core.CodeConflict {
			continue // a try came to its end meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("retry a notification: %w", err)
		}
		s.wake()
		return n, nil
	}
}
