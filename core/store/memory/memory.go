// Package memory keeps everything in memory: for `patchbay run`, which leaves
// nothing, and for tests.
package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// Store implements core.Store. It is safe for concurrent use. Documents are copied
// on their way in and out.
type Store struct {
	mu         sync.RWMutex
	pipelines  map[string]core.Pipeline
	revisions  map[string][]core.PipelineRevision // by pipeline, in order
	numbers    map[string]int64                   // last execution number, by pipeline
	executions map[string]core.Execution
	order      []string                        // IDs of executions, ascending
	steps      map[string]map[int]core.StepRun // by execution
	tokens     map[string]core.Token           // by hash
	secrets    map[secretKey]core.Secret
	artifacts  map[string]core.Artifact
	caches     map[string]core.CacheEntry
	settings   map[string][]byte
}

// New makes an empty store.
func New() *Store {
	return &Store{pipelines: map[string]core.Pipeline{}, revisions: map[string][]core.PipelineRevision{},
		numbers: map[string]int64{}, executions: map[string]core.Execution{},
		steps: map[string]map[int]core.StepRun{}, tokens: map[string]core.Token{},
		secrets: map[secretKey]core.Secret{}, artifacts: map[string]core.Artifact{},
		caches: map[string]core.CacheEntry{}, settings: map[string][]byte{}}
}

// Kind implements core.Store.
func (s *Store) Kind() string { return "memory" }

// Ping implements core.Store.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// Close implements core.Store.
func (s *Store) Close() error { return nil }

// CreateToken implements core.TokenStore.
func (s *Store) CreateToken(ctx context.Context, t *core.Token) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.tokens[t.Hash]; there {
		return core.Conflict("token", t.ID)
	}
	s.tokens[t.Hash] = *t
	return nil
}

// TokenByHash implements core.TokenStore.
func (s *Store) TokenByHash(ctx context.Context, hash string) (*core.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, found := s.tokens[hash]
	if !found {
		return nil, core.NotFound("token", "with this hash")
	}
	return &t, nil
}

// CountTokens implements core.TokenStore.
func (s *Store) CountTokens(ctx context.Context) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.tokens), ctx.Err()
}

// page applies a Page to IDs in ascending order; the newest come first.
func page(ids []string, p core.Page, wanted func(string) bool) []string {
	limit := min(p.Limit, core.MaxPageLimit)
	if limit <= 0 {
		limit = core.DefaultPageLimit
	}
	if p.After != "" {
		at, _ := slices.BinarySearch(ids, p.After)
		ids = ids[:at]
	}
	var out []string
	for _, id := range slices.Backward(ids) {
		if wanted(id) {
			if out = append(out, id); len(out) == limit {
				break
			}
		}
	}
	return out
}
