package memory

import (
	"bytes"
	"context"
	"maps"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateKeyedRequest implements core.KeyedRequestStore.
func (s *Store) CreateKeyedRequest(ctx context.Context, r *core.KeyedRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.keyed[r.ID]; there {
		return core.Conflict("request", r.ID)
	}
	r.Version = 1
	s.keyed[r.ID] = copyKeyed(*r)
	return nil
}

// UpdateKeyedRequest implements core.KeyedRequestStore.
func (s *Store) UpdateKeyedRequest(ctx context.Context, r *core.KeyedRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, there := s.keyed[r.ID]
	switch {
	case !there:
		return core.NotFound("request", r.ID)
	case stored.Version != r.Version:
		return core.Conflict("request", r.ID)
	}
	r.Version++
	s.keyed[r.ID] = copyKeyed(*r)
	return nil
}

// KeyedRequest implements core.KeyedRequestStore.
func (s *Store) KeyedRequest(ctx context.Context, id string) (*core.KeyedRequest, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, there := s.keyed[id]
	if !there {
		return nil, core.NotFound("request", id)
	}
	r := copyKeyed(stored)
	return &r, nil
}

// DeleteKeyedRequest implements core.KeyedRequestStore.
func (s *Store) DeleteKeyedRequest(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keyed, id)
	return nil
}

// DeleteKeyedRequests implements core.KeyedRequestStore.
func (s *Store) DeleteKeyedRequests(ctx context.Context, before time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	had := len(s.keyed)
	maps.DeleteFunc(s.keyed, func(_ string, r core.KeyedRequest) bool { return r.ExpiresAt.Before(before) })
	return had - len(s.keyed), nil
}

func copyKeyed(r core.KeyedRequest) core.KeyedRequest {
	if r.Answer != nil {
		r.Answer = &core.KeptAnswer{Status: r.Answer.Status, Header: maps.Clone(r.Answer.Header), Body: bytes.Clone(r.Answer.Body)}
	}
	return r
}
