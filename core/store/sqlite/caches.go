package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// PutCache implements core.ArtifactStore. It is on disk when it returns: the entry
// whose place it takes names content that may be removed next.
func (s *Store) PutCache(ctx context.Context, c *core.CacheEntry) error {
	document, err := encode(c)
	if err != nil {
		return err
	}
	return s.writer.do(ctx, true, func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO caches (id, pipeline_id, key, created_at, used_at, doc) VALUES (?, ?, ?, ?, ?, ?)",
			c.ID, c.PipelineID, []byte(c.Key), c.CreatedAt.UnixMicro(), c.UsedAt.UnixMicro(), document)
	})
}

// CacheByKey implements core.ArtifactStore.
func (s *Store) CacheByKey(ctx context.Context, pipelineID, key string) (*core.CacheEntry, error) {
	return one[core.CacheEntry](ctx, s, core.NotFound("cache", key),
		"SELECT doc FROM caches WHERE pipeline_id = ? AND key = ?", pipelineID, []byte(key))
}

// CacheByPrefix implements core.ArtifactStore. Of two of the same time it is the one
// with the greater ID.
func (s *Store) CacheByPrefix(ctx context.Context, pipelineID, prefix string) (*core.CacheEntry, error) {
	query, args := "SELECT doc FROM caches WHERE pipeline_id = ? AND key >= ?", []any{pipelineID, []byte(prefix)}
	if end := afterPrefix(prefix); end != nil {
		query, args = query+" AND key < ?", append(args, end)
	}
	return one[core.CacheEntry](ctx, s, core.NotFound("cache", prefix), query+" ORDER BY created_at DESC, id DESC LIMIT 1", args...)
}

// afterPrefix is the first key behind all that begin with prefix, nil when there is
// none: what is left of it without its last 255s, and the last byte one more.
func afterPrefix(prefix string) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := []byte(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}

// TouchCache implements core.ArtifactStore. It is not synced: after a power failure
// an entry counts as unused a little longer.
func (s *Store) TouchCache(ctx context.Context, id string, at time.Time) error {
	return s.writer.do(ctx, false, func(t *tx) error {
		var data []byte
		err := t.row("SELECT doc FROM caches WHERE id = ?", []any{id}, &data)
		if errors.Is(err, sql.ErrNoRows) {
			return core.NotFound("cache", id)
		}
		if err != nil {
			return err
		}
		c, err := decode[core.CacheEntry](data)
		if err != nil {
			return err
		}
		c.UsedAt = at
		if data, err = encode(c); err != nil {
			return err
		}
		return t.exec("UPDATE caches SET used_at = ?, doc = ? WHERE id = ?", at.UnixMicro(), data, id)
	})
}

// DeleteCache implements core.ArtifactStore. It is on disk when it returns, as with
// an artifact.
func (s *Store) DeleteCache(ctx context.Context, id string) error {
	return s.writer.do(ctx, true, func(t *tx) error {
		return t.remove(core.NotFound("cache", id), "DELETE FROM caches WHERE id = ?", id)
	})
}

// Caches implements core.ArtifactStore.
func (s *Store) Caches(ctx context.Context, limit int) ([]*core.CacheEntry, error) {
	return many[core.CacheEntry](ctx, s, "SELECT doc FROM caches ORDER BY used_at, id LIMIT ?", max(limit, 0))
}
