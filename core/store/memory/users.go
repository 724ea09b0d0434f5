package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// grantKey names a grant.
type grantKey struct{ userID, pipelineID string }

// CreateUser implements core.UserStore.
func (s *Store) CreateUser(ctx context.Context, u *core.User) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.users[u.ID]; there {
		return core.Conflict("user", u.ID)
	}
	if err := s.userClash(u); err != nil {
		return err
	}
	u.Version = 1
	s.users[u.ID] = copyUser(*u)
	return nil
}

// userClash returns Conflict when another user has the name or an identity of u.
func (s *Store) userClash(u *core.User) error {
	for id, other := range s.users {
		if id == u.ID {
			continue
		}
		if other.Name == u.Name {
			return core.Conflict("user", u.Name)
		}
		for _, theirs := range other.Identities {
			for _, ours := range u.Identities {
				if theirs.Provider == ours.Provider && theirs.Subject == ours.Subject {
					return core.Conflict("user", u.Name)
				}
			}
		}
	}
	return nil
}

// UpdateUser implements core.UserStore.
func (s *Store) UpdateUser(ctx context.Context, u *core.User) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, found := s.users[u.ID]
	if !found {
		return core.NotFound("user", u.ID)
	}
	if stored.Version != u.Version {
		return core.Conflict("user", u.ID)
	}
	if err := s.userClash(u); err != nil {
		return err
	}
	u.Version++
	s.users[u.ID] = copyUser(*u)
	return nil
}

// DeleteUser implements core.UserStore.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.users[id]; !found {
		return core.NotFound("user", id)
	}
	delete(s.users, id)
	maps.DeleteFunc(s.grants, func(key grantKey, _ core.Grant) bool { return key.userID == id })
	maps.DeleteFunc(s.sessions, func(_ string, session core.Session) bool { return session.UserID == id })
	maps.DeleteFunc(s.tokens, func(_ string, t core.Token) bool { return t.UserID == id })
	return nil
}

// User implements core.UserStore.
func (s *Store) User(ctx context.Context, id string) (*core.User, error) {
	return s.userWho(ctx, id, func(u *core.User) bool { return u.ID == id })
}

// UserByName implements core.UserStore.
func (s *Store) UserByName(ctx context.Context, name string) (*core.User, error) {
	return s.userWho(ctx, name, func(u *core.User) bool { return u.Name == name })
}

// UserByIdentity implements core.UserStore.
func (s *Store) UserByIdentity(ctx context.Context, provider, subject string) (*core.User, error) {
	return s.userWho(ctx, subject, func(u *core.User) bool {
		return slices.ContainsFunc(u.Identities, func(i core.ExternalIdentity) bool { return i.Provider == provider && i.Subject == subject })
	})
}

func (s *Store) userWho(ctx context.Context, called string, is func(*core.User) bool) (*core.User, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, stored := range s.users {
		if is(&stored) {
			u := copyUser(stored)
			return &u, nil
		}
	}
	return nil, core.NotFound("user", called)
}

// Users implements core.UserStore.
func (s *Store) Users(ctx context.Context, p core.Page) ([]*core.User, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return newest(s.users, p, copyUser), nil
}

// PutGrant implements core.UserStore.
func (s *Store) PutGrant(ctx context.Context, g *core.Grant) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants[grantKey{g.UserID, g.PipelineID}] = *g
	return nil
}

// Grants implements core.UserStore.
func (s *Store) Grants(ctx context.Context, userID string) ([]*core.Grant, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*core.Grant{}
	for key, stored := range s.grants {
		if key.userID == userID {
			list = append(list, &stored)
		}
	}
	slices.SortFunc(list, func(a, b *core.Grant) int { return cmp.Compare(a.PipelineID, b.PipelineID) })
	return list, nil
}

// DeleteGrant implements core.UserStore.
func (s *Store) DeleteGrant(ctx context.Context, userID, pipelineID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := grantKey{userID, pipelineID}
	if _, found := s.grants[key]; !found {
		return core.NotFound("grant on pipeline", pipelineID)
	}
	delete(s.grants, key)
	return nil
}

func copyUser(u core.User) core.User {
	u.Identities = slices.Clone(u.Identities)
	return u
}
