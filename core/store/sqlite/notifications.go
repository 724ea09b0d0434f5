package sqlite

import (
	"context"
	"database/sql"

	"github.com/patchbay-ci/patchbay/core"
)

// due is the column of when a notification is to be sent: NULL when there is nothing to
// do about it any more.
func due(n *core.Notification) sql.NullInt64 {
	return sql.NullInt64{Int64: n.NextAt.UnixMicro(), Valid: n.State == core.NotificationPending}
}

// AddNotification implements core.NotificationStore. It is not synced, as the change of
// status that it tells of is not: a power failure loses both, or the later of them.
func (s *Store) AddNotification(ctx context.Context, n *core.Notification) error {
	stored := *n
	stored.Version = 1
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, false, func(t *tx) error {
		err := t.exec("INSERT INTO notifications (id, execution_id, next_at, version, doc) VALUES (?, ?, ?, 1, ?)",
			n.ID, n.ExecutionID, due(n), document)
		if taken(err) {
			return core.Conflict("notification", n.ID)
		}
		return err
	})
	if err == nil {
		n.Version = 1
	}
	return err
}

// UpdateNotification implements core.NotificationStore. It is not synced: after a power
// failure a message may be sent once more, with the same ID.
func (s *Store) UpdateNotification(ctx context.Context, n *core.Notification) error {
	stored := *n
	stored.Version++
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, false, func(t *tx) error {
		changed, err := t.change("UPDATE notifications SET next_at = ?, version = ?, doc = ? WHERE id = ? AND version = ?",
			due(n), stored.Version, document, n.ID, n.Version)
		if err == nil && changed == 0 {
			err = t.whyNot("SELECT count(*) FROM notifications WHERE id = ?", "notification", n.ID)
		}
		return err
	})
	if err == nil {
		n.Version = stored.Version
	}
	return err
}

// Notification implements core.NotificationStore.
func (s *Store) Notification(ctx context.Context, id string) (*core.Notification, error) {
	return one[core.Notification](ctx, s, core.NotFound("notification", id), "SELECT doc FROM notifications WHERE id = ?", id)
}

// Notifications implements core.NotificationStore.
func (s *Store) Notifications(ctx context.Context, executionID string) ([]*core.Notification, error) {
	return many[core.Notification](ctx, s, "SELECT doc FROM notifications WHERE execution_id = ? ORDER BY id", executionID)
}

// PendingNotifications implements core.NotificationStore.
func (s *Store) PendingNotifications(ctx context.Context, limit int) ([]*core.Notification, error) {
	return many[core.Notification](ctx, s, "SELECT doc FROM notifications WHERE next_at IS NOT NULL ORDER BY next_at, id LIMIT ?", max(limit, 0))
}
