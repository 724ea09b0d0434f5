package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// A refresh token is pbr_ and, in base64, what its whole family has in common and what
// it has alone. Both are random and known to nobody but the client; the store has their
// hashes. A token of the right family that is not the good one was used before, or made
// up by somebody who saw one: either way, the session is not the client's alone any
// more, and ends. So it does when a client sends the same token twice at the same time:
// no time of grace is given, because a thief would have it as well. A client has to take
// care that only one of its parts refreshes at a time.
const familyBytes = 16

func newRefresh(family []byte) (token string) {
	own := make([]byte, tokenBytes)
	_, _ = rand.Read(own) // it never fails; see crypto/rand
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(family[:familyBytes:familyBytes], own...))
}

// familyOf returns nil for what is no refresh token.
func familyOf(token string) []byte {
	encoded, is := strings.CutPrefix(token, refreshPrefix)
	if !is || len(token) > maxCredential {
		return nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != familyBytes+tokenBytes {
		return nil
	}
	return raw[:familyBytes]
}

// maxAgent bounds what is kept of a client's name for itself.
const maxAgent = 256

// begin stores a new session of a user and returns what the client gets of it.
func (s *Service) begin(ctx context.Context, user *core.User, method, tokenID string, from core.ClientInfo) (*core.Login, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	family := make([]byte, familyBytes)
	_, _ = rand.Read(family)
	refresh := newRefresh(family)
	now := s.moment()
	session := &core.Session{ID: id, UserID: user.ID, TokenID: tokenID, Method: method, FamilyHash: digest(string(family)),
		RefreshHash: digest(refresh), CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(sessionIdle)}
	session.UserAgent, session.Address = clip(from.UserAgent), clip(from.Address)
	if err := s.store.CreateSession(ctx, session); err != nil {
		return nil, err
	}
	return s.loggedIn(ctx, user, session, refresh)
}

func clip(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxAgent)], "")
}

func (s *Service) loggedIn(ctx context.Context, user *core.User, session *core.Session, refresh string) (*core.Login, error) {
	access, expires, err := s.access.Issue(ctx, user.ID, session.ID)
	if err != nil {
		return nil, err
	}
	return &core.Login{User: user, Session: session, Access: access, AccessExpires: expires, Refresh: refresh, RefreshExpires: session.ExpiresAt}, nil
}

// Refresh exchanges a refresh token for the next one. One that was used before ends the
// session, and with it all its tokens; the error says so, with CodeUnauthenticated as
// for any token that is not good.
func (s *Service) Refresh(ctx context.Context, refresh string, from core.ClientInfo) (*core.Login, error) {
	family := familyOf(refresh)
	if family == nil {
		return nil, refused("this is no refresh token", "log in again")
	}
	for {
		session, err := s.store.SessionByFamily(ctx, digest(string(family)))
		if core.CodeOf(err) == core.CodeNotFound {
			return nil, sessionOver()
		}
		if err != nil {
			return nil, err
		}
		login, err := s.refresh(ctx, session, refresh, family, from)
		if core.CodeOf(err) != core.CodeConflict {
			return login, err
		}
		// Somebody else used it at the same time: what is stored now decides.
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// refresh returns Conflict when the session has changed since it was read.
func (s *Service) refresh(ctx context.Context, session *core.Session, refresh string, family []byte, from core.ClientInfo) (*core.Login, error) {
	who, err := s.identifyIn(ctx, session)
	if err != nil {
		return nil, err
	}
	now := s.moment()
	if subtle.ConstantTimeCompare([]byte(digest(refresh)), []byte(session.RefreshHash)) != 1 {
		session.RevokedAt, session.RevokeReason = &now, "a refresh token was used twice"
		if err := s.store.UpdateSession(ctx, session); err != nil {
			return nil, err
		}
		s.log.Warn("a refresh token was used twice: the session is revoked", "session", session.ID, "user", who.Name, "address", from.Address)
		return nil, refused("the refresh token was used before, so the session is over", "log in again; if it was not you who used it, somebody has copied it")
	}
	user, err := s.user(ctx, session.UserID)
	if err != nil {
		return nil, err
	}
	next := newRefresh(family)
	session.RefreshHash, session.LastUsedAt = digest(next), now
	session.UserAgent, session.Address = clip(from.UserAgent), clip(from.Address)
	session.ExpiresAt = now.Add(sessionIdle)
	if last := session.CreatedAt.Add(sessionLife); last.Before(session.ExpiresAt) {
		session.ExpiresAt = last
	}
	if err := s.store.UpdateSession(ctx, session); err != nil {
		return nil, err
	}
	return s.loggedIn(ctx, user, session, next)
}

// SessionOf finds the session of a refresh token, whether it is good or was used:
// enough to log out, and nothing else.
func (s *Service) SessionOf(ctx context.Context, refresh string) (*core.Session, error) {
	family := familyOf(refresh)
	if family == nil {
		return nil, refused("this is no refresh token")
	}
	return s.store.SessionByFamily(ctx, digest(string(family)))
}

// Sessions lists a page of a user's sessions, also those that are over and not removed
// yet.
func (s *Service) Sessions(ctx context.Context, userID string, page core.Page) ([]*core.Session, error) {
	if userID == "" {
		return []*core.Session{}, nil
	}
	return s.store.Sessions(ctx, userID, page)
}

// EndSession revokes a session of a user; it is no error when it is over already. It
// returns NotFound when the user has no such session; userID "" means any user's.
func (s *Service) EndSession(ctx context.Context, userID, id, reason string) error {
	for {
		session, err := s.store.Session(ctx, id)
		if err != nil {
			return err
		}
		if userID != "" && session.UserID != userID {
			return core.NotFound("session", id)
		}
		if session.RevokedAt != nil {
			return nil
		}
		now := s.moment()
		session.RevokedAt, session.RevokeReason = &now, reason
		if err := s.store.UpdateSession(ctx, session); core.CodeOf(err) != core.CodeConflict {
			return err
		}
	}
}

// EndSessions revokes all sessions of a user but one ("" for none), and returns how
// many those were.
func (s *Service) EndSessions(ctx context.Context, userID, except, reason string) (int, error) {
	if userID == "" {
		return 0, nil
	}
	return s.store.RevokeSessions(ctx, userID, except, s.moment(), reason)
}

// until is when something ends that begins now.
func (s *Service) until(life time.Duration) *time.Time {
	at := s.moment().Add(life)
	return &at
}
