package sqlite

import (
	"context"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateKeyedRequest implements core.KeyedRequestStore.
func (s *Store) CreateKeyedRequest(ctx context.Context, r *core.KeyedRequest) error {
	stored := *r
	stored.Version = 1
	document, err := encode(stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, true, func(t *tx) error {
		err := t.exec("INSERT INTO keyed_requests (id, expires_at, version, doc) VALUES (?, ?, 1, ?)",
			stored.ID, stored.ExpiresAt.UnixMicro(), document)
		if taken(err) {
			return core.Conflict("request", stored.ID)
		}
		return err
	})
	if err == nil {
		r.Version = 1
	}
	return err
}

// UpdateKeyedRequest implements core.KeyedRequestStore.
func (s *Store) UpdateKeyedRequest(ctx context.Context, r *core.KeyedRequest) error {
	stored := *r
	stored.Version++
	document, err := encode(stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, true, func(t *tx) error {
		changed, err := t.change("UPDATE keyed_requests SET expires_at = ?, version = ?, doc = ? WHERE id = ? AND version = ?",
			stored.ExpiresAt.UnixMicro(), stored.Version, document, stored.ID, r.Version)
		if err == nil && changed == 0 {
			err = t.whyNot("SELECT count(*) FROM keyed_requests WHERE id = ?", "request", stored.ID)
		}
		return err
	})
	if err == nil {
		r.Version++
	}
	return err
}

// KeyedRequest implements core.KeyedRequestStore.
func (s *Store) KeyedRequest(ctx context.Context, id string) (*core.KeyedRequest, error) {
	return one[core.KeyedRequest](ctx, s, core.NotFound("request", id), "SELECT doc FROM keyed_requests WHERE id = ?", id)
}

// DeleteKeyedRequest implements core.KeyedRequestStore.
func (s *Store) DeleteKeyedRequest(ctx context.Context, id string) error {
	_, err := s.deleteMany(ctx, "DELETE FROM keyed_requests WHERE id = ?", id)
	return err
}

// DeleteKeyedRequests implements core.KeyedRequestStore.
func (s *Store) DeleteKeyedRequests(ctx context.Context, before time.Time) (int, error) {
	return s.deleteMany(ctx, "DELETE FROM keyed_requests WHERE expires_at < ?", before.UnixMicro())
}
