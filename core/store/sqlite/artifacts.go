package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateArtifact implements core.ArtifactStore. It is on disk when it returns.
func (s *Store) CreateArtifact(ctx context.Context, a *core.Artifact) error {
	document, err := encode(a)
	if err != nil {
		return err
	}
	// One that never expires has no time: NULL is before none.
	expires := sql.NullInt64{Int64: a.ExpiresAt.UnixMicro(), Valid: !a.ExpiresAt.IsZero()}
	return s.writer.do(ctx, true, func(t *tx) error {
		err := t.exec("INSERT INTO artifacts (id, execution_id, name, expires_at, doc) VALUES (?, ?, ?, ?, ?)",
			a.ID, a.ExecutionID, a.Name, expires, document)
		if taken(err) {
			return core.Conflict("artifact", a.Name)
		}
		return err
	})
}

// Artifact implements core.ArtifactStore.
func (s *Store) Artifact(ctx context.Context, id string) (*core.Artifact, error) {
	return one[core.Artifact](ctx, s, core.NotFound("artifact", id), "SELECT doc FROM artifacts WHERE id = ?", id)
}

// Artifacts implements core.ArtifactStore.
func (s *Store) Artifacts(ctx context.Context, executionID string) ([]*core.Artifact, error) {
	return many[core.Artifact](ctx, s, "SELECT doc FROM artifacts WHERE execution_id = ? ORDER BY name", executionID)
}

// DeleteArtifact implements core.ArtifactStore. It is on disk when it returns, so
// that nothing names content which is removed after it.
func (s *Store) DeleteArtifact(ctx context.Context, id string) error {
	return s.writer.do(ctx, true, func(t *tx) error {
		return t.remove(core.NotFound("artifact", id), "DELETE FROM artifacts WHERE id = ?", id)
	})
}

// ExpiredArtifacts implements core.ArtifactStore: those that expired first come
// first. One without a time never expires.
func (s *Store) ExpiredArtifacts(ctx context.Context, before time.Time, limit int) ([]*core.Artifact, error) {
	return many[core.Artifact](ctx, s, "SELECT doc FROM artifacts WHERE expires_at < ? ORDER BY expires_at, id LIMIT ?",
		before.UnixMicro(), max(limit, 0))
}

// BlobsInUse implements core.ArtifactStore. All queries see at least what was stored
// before the call. One document is in memory at a time.
func (s *Store) BlobsInUse(ctx context.Context, fn func(sha256 string)) error {
	err := s.eachDocument(ctx, "SELECT doc FROM artifacts", func(data []byte) error {
		a, err := decode[core.Artifact](data)
		if err != nil {
			return err
		}
		for i := range a.Files {
			fn(a.Files[i].SHA256)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = s.eachDocument(ctx, "SELECT doc FROM caches", func(data []byte) error {
		c, err := decode[core.CacheEntry](data)
		if err == nil {
			fn(c.SHA256)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.eachDocument(ctx, "SELECT blob FROM deliveries WHERE blob IS NOT NULL", func(hash []byte) error {
		fn(string(hash))
		return nil
	})
}

func (s *Store) eachDocument(ctx context.Context, query string, fn func([]byte) error) error {
	rows, err := s.reads.rows(ctx, query, nil)
	if err != nil {
		return translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return translate(err)
		}
		if err := fn(data); err != nil {
			return err
		}
	}
	return translate(rows.Err())
}
