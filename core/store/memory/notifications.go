package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// AddNotification implements core.NotificationStore.
func (s *Store) AddNotification(ctx context.Context, n *core.Notification) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.notifications[n.ID]; there {
		return core.Conflict("notification", n.ID)
	}
	n.Version = 1
	s.notifications[n.ID] = copyNotification(*n)
	return nil
}

// UpdateNotification implements core.NotificationStore.
func (s *Store) UpdateNotification(ctx context.Context, n *core.Notification) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, there := s.notifications[n.ID]
	switch {
	case !there:
		return core.NotFound("notification", n.ID)
	case stored.Version != n.Version:
		return core.Conflict("notification", n.ID)
	}
	n.Version++
	s.notifications[n.ID] = copyNotification(*n)
	return nil
}

// Notification implements core.NotificationStore.
func (s *Store) Notification(ctx context.Context, id string) (*core.Notification, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, there := s.notifications[id]
	if !there {
		return nil, core.NotFound("notification", id)
	}
	n := copyNotification(stored)
	return &n, nil
}

// Notifications implements core.NotificationStore.
func (s *Store) Notifications(ctx context.Context, executionID string) ([]*core.Notification, error) {
	return s.notificationsOf(ctx, func(n core.Notification) bool { return n.ExecutionID == executionID },
		func(a, b *core.Notification) int { return cmp.Compare(a.ID, b.ID) })
}

// PendingNotifications implements core.NotificationStore.
func (s *Store) PendingNotifications(ctx context.Context, limit int) ([]*core.Notification, error) {
	list, err := s.notificationsOf(ctx, func(n core.Notification) bool { return n.State == core.NotificationPending },
		func(a, b *core.Notification) int { return cmp.Or(a.NextAt.Compare(b.NextAt), cmp.Compare(a.ID, b.ID)) })
	return list[:min(len(list), max(limit, 0))], err
}

func (s *Store) notificationsOf(ctx context.Context, wanted func(core.Notification) bool, order func(a, b *core.Notification) int) ([]*core.Notification, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*core.Notification{}
	for _, stored := range s.notifications {
		if wanted(stored) {
			n := copyNotification(stored)
			list = append(list, &n)
		}
	}
	slices.SortFunc(list, order)
	return list, nil
}

func copyNotification(n core.Notification) core.Notification {
	n.SentAt = clone(n.SentAt)
	return n
}
