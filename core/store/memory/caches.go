package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// PutCache implements core.ArtifactStore.
func (s *Store) PutCache(ctx context.Context, c *core.CacheEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, other := range s.caches {
		if other.PipelineID == c.PipelineID && other.Key == c.Key {
			delete(s.caches, id)
		}
	}
	s.caches[c.ID] = *c
	return nil
}

// CacheByKey implements core.ArtifactStore.
func (s *Store) CacheByKey(ctx context.Context, pipelineID, key string) (*core.CacheEntry, error) {
	return s.newestCache(ctx, key, func(c *core.CacheEntry) bool { return c.PipelineID == pipelineID && c.Key == key })
}

// CacheByPrefix implements core.ArtifactStore.
func (s *Store) CacheByPrefix(ctx context.Context, pipelineID, prefix string) (*core.CacheEntry, error) {
	return s.newestCache(ctx, prefix, func(c *core.CacheEntry) bool {
		return c.PipelineID == pipelineID && strings.HasPrefix(c.Key, prefix)
	})
}

// newestCache returns the newest that is wanted; of two of the same time, the one
// with the greater ID.
func (s *Store) newestCache(ctx context.Context, key string, wanted func(*core.CacheEntry) bool) (*core.CacheEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var newest *core.CacheEntry
	for _, c := range s.caches {
		if wanted(&c) && (newest == nil || cmp.Or(c.CreatedAt.Compare(newest.CreatedAt), cmp.Compare(c.ID, newest.ID)) > 0) {
			newest = &c
		}
	}
	if newest == nil {
		return nil, core.NotFound("cache", key)
	}
	return newest, nil
}

// TouchCache implements core.ArtifactStore.
func (s *Store) TouchCache(ctx context.Context, id string, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, found := s.caches[id]
	if !found {
		return core.NotFound("cache", id)
	}
	c.UsedAt = at
	s.caches[id] = c
	return nil
}

// DeleteCache implements core.ArtifactStore.
func (s *Store) DeleteCache(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.caches[id]; !found {
		return core.NotFound("cache", id)
	}
	delete(s.caches, id)
	return nil
}

// Caches implements core.ArtifactStore.
func (s *Store) Caches(ctx context.Context, limit int) ([]*core.CacheEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*core.CacheEntry{}
	for _, c := range s.caches {
		list = append(list, &c)
	}
	slices.SortFunc(list, func(a, b *core.CacheEntry) int {
		return cmp.Or(a.UsedAt.Compare(b.UsedAt), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(len(list), max(limit, 0))], nil
}
