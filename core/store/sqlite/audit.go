package sqlite

import (
	"context"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// AppendAudit implements core.AuditStore. It is not synced; see core.AuditStore.
func (s *Store) AppendAudit(ctx context.Context, e *core.AuditEntry) error {
	document, err := encode(e)
	if err != nil {
		return err
	}
	return s.writer.do(ctx, false, func(t *tx) error {
		err := t.exec("INSERT INTO audit (id, at, who, action, target, doc) VALUES (?, ?, ?, ?, ?, ?)",
			e.ID, e.At.UnixMicro(), e.Who, e.Action, e.Target, document)
		if taken(err) {
			return core.Conflict("audit entry", e.ID)
		}
		return err
	})
}

// Audit implements core.AuditStore.
func (s *Store) Audit(ctx context.Context, filter core.AuditFilter) ([]*core.AuditEntry, error) {
	query, args := "SELECT doc FROM audit WHERE id < ?", []any{before(filter.Page)}
	for _, narrow := range []struct{ column, to string }{{"who", filter.Who}, {"action", filter.Action}, {"target", filter.Target}} {
		if narrow.to != "" {
			query, args = query+" AND "+narrow.column+" = ?", append(args, narrow.to)
		}
	}
	return many[core.AuditEntry](ctx, s, query+" ORDER BY id DESC LIMIT ?", append(args, limitOf(filter.Page))...)
}

// DeleteAudit implements core.AuditStore.
func (s *Store) DeleteAudit(ctx context.Context, before time.Time) (int, error) {
	return s.deleteMany(ctx, "DELETE FROM audit WHERE at < ?", before.UnixMicro())
}
