package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// AppendAudit implements core.AuditStore.
func (s *Store) AppendAudit(ctx context.Context, entry *core.AuditEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, there := slices.BinarySearchFunc(s.audit, entry.ID, func(e core.AuditEntry, id string) int { return cmp.Compare(e.ID, id) })
	if there {
		return core.Conflict("audit entry", entry.ID)
	}
	s.audit = slices.Insert(s.audit, at, copyAudit(*entry))
	return nil
}

// Audit implements core.AuditStore.
func (s *Store) Audit(ctx context.Context, filter core.AuditFilter) ([]*core.AuditEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	wanted := map[string]core.AuditEntry{}
	for _, e := range s.audit {
		if (filter.Who == "" || filter.Who == e.Who) && (filter.Action == "" || filter.Action == e.Action) &&
			(filter.Target == "" || filter.Target == e.Target) {
			wanted[e.ID] = e
		}
	}
	return newest(wanted, filter.Page, copyAudit), nil
}

// DeleteAudit implements core.AuditStore.
func (s *Store) DeleteAudit(ctx context.Context, before time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	had := len(s.audit)
	s.audit = slices.DeleteFunc(s.audit, func(e core.AuditEntry) bool { return e.At.Before(before) })
	return had - len(s.audit), nil
}

func copyAudit(e core.AuditEntry) core.AuditEntry {
	e.Details = maps.Clone(e.Details)
	return e
}
