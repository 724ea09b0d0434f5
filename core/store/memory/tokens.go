package memory

import (
	"context"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateToken implements core.TokenStore.
func (s *Store) CreateToken(ctx context.Context, t *core.Token) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.tokens[t.Hash]; there || s.tokenHash(t.ID) != "" {
		return core.Conflict("token", t.ID)
	}
	s.tokens[t.Hash] = copyToken(*t)
	return nil
}

// tokenHash returns the key of a token, "" when there is none.
func (s *Store) tokenHash(id string) string {
	for hash, t := range s.tokens {
		if t.ID == id {
			return hash
		}
	}
	return ""
}

// Token implements core.TokenStore.
func (s *Store) Token(ctx context.Context, id string) (*core.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, found := s.tokens[s.tokenHash(id)]
	if !found {
		return nil, core.NotFound("token", id)
	}
	t := copyToken(stored)
	return &t, nil
}

// TokenByHash implements core.TokenStore.
func (s *Store) TokenByHash(ctx context.Context, hash string) (*core.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, found := s.tokens[hash]
	if !found {
		return nil, core.NotFound("token", "with this hash")
	}
	t := copyToken(stored)
	return &t, nil
}

// Tokens implements core.TokenStore.
func (s *Store) Tokens(ctx context.Context, userID string, p core.Page) ([]*core.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	byID := map[string]core.Token{}
	for _, t := range s.tokens {
		if userID == "" || t.UserID == userID {
			byID[t.ID] = t
		}
	}
	return newest(byID, p, copyToken), nil
}

// RevokeToken implements core.TokenStore.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return s.changeToken(ctx, id, func(t *core.Token) error {
		if t.RevokedAt != nil {
			return core.Conflict("token", id)
		}
		t.RevokedAt = &at
		return nil
	})
}

// TouchToken implements core.TokenStore.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	return s.changeToken(ctx, id, func(t *core.Token) error {
		t.LastUsedAt = &at
		return nil
	})
}

func (s *Store) changeToken(ctx context.Context, id string, change func(*core.Token) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := s.tokenHash(id)
	t, found := s.tokens[hash]
	if !found {
		return core.NotFound("token", id)
	}
	if err := change(&t); err != nil {
		return err
	}
	s.tokens[hash] = t
	return nil
}

// CountTokens implements core.TokenStore.
func (s *Store) CountTokens(ctx context.Context) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.tokens), ctx.Err()
}

func copyToken(t core.Token) core.Token {
	t.Scopes, t.PipelineIDs = slices.Clone(t.Scopes), slices.Clone(t.PipelineIDs)
	t.ExpiresAt, t.LastUsedAt, t.RevokedAt = clone(t.ExpiresAt), clone(t.LastUsedAt), clone(t.RevokedAt)
	return t
}

// newest makes a page of documents by ID; the newest come first.
func newest[T any](byID map[string]T, p core.Page, copied func(T) T) []*T {
	ids := make([]string, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	list := []*T{}
	for _, id := range page(ids, p, func(string) bool { return true }) {
		document := copied(byID[id])
		list = append(list, &document)
	}
	return list
}
