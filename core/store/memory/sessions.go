package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateSession implements core.SessionStore.
func (s *Store) CreateSession(ctx context.Context, session *core.Session) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, other := range s.sessions {
		if id == session.ID || other.FamilyHash == session.FamilyHash {
			return core.Conflict("session", session.ID)
		}
	}
	session.Version = 1
	s.sessions[session.ID] = copySession(*session)
	return nil
}

// UpdateSession implements core.SessionStore.
func (s *Store) UpdateSession(ctx context.Context, session *core.Session) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, found := s.sessions[session.ID]
	if !found {
		return core.NotFound("session", session.ID)
	}
	if stored.Version != session.Version {
		return core.Conflict("session", session.ID)
	}
	session.Version++
	s.sessions[session.ID] = copySession(*session)
	return nil
}

// Session implements core.SessionStore.
func (s *Store) Session(ctx context.Context, id string) (*core.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, found := s.sessions[id]
	if !found {
		return nil, core.NotFound("session", id)
	}
	session := copySession(stored)
	return &session, nil
}

// SessionByFamily implements core.SessionStore.
func (s *Store) SessionByFamily(ctx context.Context, familyHash string) (*core.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, stored := range s.sessions {
		if stored.FamilyHash == familyHash {
			session := copySession(stored)
			return &session, nil
		}
	}
	return nil, core.NotFound("session", "of this token")
}

// Sessions implements core.SessionStore.
func (s *Store) Sessions(ctx context.Context, userID string, p core.Page) ([]*core.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	theirs := maps.Clone(s.sessions)
	maps.DeleteFunc(theirs, func(_ string, session core.Session) bool { return session.UserID != userID })
	return newest(theirs, p, copySession), nil
}

// RevokeSessions implements core.SessionStore.
func (s *Store) RevokeSessions(ctx context.Context, userID, except string, at time.Time, reason string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for id, session := range s.sessions {
		if session.UserID == userID && id != except && session.RevokedAt == nil {
			session.RevokedAt, session.RevokeReason = &at, reason
			session.Version++
			s.sessions[id] = session
			n++
		}
	}
	return n, nil
}

// DeleteSessions implements core.SessionStore.
func (s *Store) DeleteSessions(ctx context.Context, before time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	had := len(s.sessions)
	maps.DeleteFunc(s.sessions, func(_ string, session core.Session) bool { return session.ExpiresAt.Before(before) })
	return had - len(s.sessions), nil
}

func copySession(session core.Session) core.Session {
	session.RevokedAt = clone(session.RevokedAt)
	return session
}

// CreateSigningKey implements core.SigningKeyStore.
func (s *Store) CreateSigningKey(ctx context.Context, k *core.SigningKey) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.keys[k.ID]; there {
		return core.Conflict("signing key", k.ID)
	}
	s.keys[k.ID] = copySigningKey(*k)
	return nil
}

// SigningKeys implements core.SigningKeyStore.
func (s *Store) SigningKeys(ctx context.Context) ([]*core.SigningKey, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*core.SigningKey{}
	for _, stored := range s.keys {
		k := copySigningKey(stored)
		list = append(list, &k)
	}
	slices.SortFunc(list, func(a, b *core.SigningKey) int { return cmp.Compare(b.ID, a.ID) })
	return list, nil
}

// DeleteSigningKey implements core.SigningKeyStore.
func (s *Store) DeleteSigningKey(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, id)
	return nil
}

func copySigningKey(k core.SigningKey) core.SigningKey {
	k.Sealed = slices.Clone(k.Sealed)
	return k
}
