package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// adminName is the name of the first administrator.
const adminName = "admin"

// Identify says who sends a bearer token: the operator's, an API token or an access
// token. The error for one that is not good has the code CodeUnauthenticated. The time
// it takes tells nothing about a token: hashes are compared, not tokens.
func (s *Service) Identify(ctx context.Context, bearer string) (*core.Identity, error) {
	if bearer == "" {
		return nil, &core.Error{Code: core.CodeUnauthenticated, Message: "the request has no token",
			Suggestions: []string{"send the header Authorization: Bearer <token>"}}
	}
	if len(bearer) > maxCredential {
		return nil, invalidToken()
	}
	if s.isAdminToken(bearer) {
		return &core.Identity{Name: adminName, Role: core.RoleAdmin}, nil
	}
	if strings.Count(bearer, ".") == 2 {
		claims, err := s.access.Verify(ctx, bearer)
		if err != nil {
			return nil, err
		}
		return s.identifySession(ctx, claims.SessionID, claims.UserID)
	}
	token, err := s.store.TokenByHash(ctx, digest(bearer))
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, invalidToken()
	}
	if err != nil {
		return nil, err
	}
	if token.Kind != core.TokenAPI {
		return nil, refused("this is a one-time link, not an API token", "log in with it")
	}
	who, err := s.identifyToken(ctx, token)
	if err != nil {
		return nil, err
	}
	s.touch(ctx, token)
	return who, nil
}

// Renew implements core.Gatekeeper.
func (s *Service) Renew(ctx context.Context, who *core.Identity) (*core.Identity, error) {
	switch {
	case who.SessionID != "":
		return s.identifySession(ctx, who.SessionID, who.UserID)
	case who.TokenID != "":
		token, err := s.store.Token(ctx, who.TokenID)
		if core.CodeOf(err) == core.CodeNotFound {
			return nil, invalidToken()
		}
		if err != nil {
			return nil, err
		}
		return s.identifyToken(ctx, token)
	default: // the operator's, which is good for as long as the process
		return who, nil
	}
}

func (s *Service) isAdminToken(secret string) bool {
	hash := sha256.Sum256([]byte(secret))
	return s.hasAdmin && subtle.ConstantTimeCompare(hash[:], s.admin[:]) == 1
}

func refused(message string, suggestions ...string) error {
	return &core.Error{Code: core.CodeUnauthenticated, Message: message, Suggestions: suggestions}
}

func invalidToken() error {
	return refused("the token is not valid",
		"use the token that the server printed at its first start, or the one in its PATCHBAY_ADMIN_TOKEN, or make one: patchbay token create")
}

// identifyToken says who has an API token.
func (s *Service) identifyToken(ctx context.Context, token *core.Token) (*core.Identity, error) {
	if err := s.checkToken(token); err != nil {
		return nil, err
	}
	who := &core.Identity{Name: token.Name, Role: core.RoleAdmin}
	if token.UserID != "" {
		var err error
		if who, err = s.identifyUser(ctx, token.UserID); err != nil {
			return nil, err
		}
	}
	limit(who, token)
	return who, nil
}

func (s *Service) checkToken(token *core.Token) error {
	switch {
	case token.RevokedAt != nil:
		return refused("the token was revoked", "make another one: patchbay token create")
	case token.ExpiresAt != nil && !s.now().Before(*token.ExpiresAt):
		return refused("the token has expired", "make another one: patchbay token create")
	}
	return nil
}

func limit(who *core.Identity, token *core.Token) {
	who.TokenID, who.MaxRole, who.Scopes, who.PipelineIDs = token.ID, token.Role, token.Scopes, token.PipelineIDs
}

func (s *Service) identifyUser(ctx context.Context, id string) (*core.Identity, error) {
	user, err := s.user(ctx, id)
	if err != nil {
		return nil, err
	}
	who := &core.Identity{UserID: user.ID, Name: user.Name, Role: user.Role}
	if user.Role == core.RoleAdmin {
		return who, nil // grants change nothing for them
	}
	grants, err := s.store.Grants(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, grant := range grants {
		if who.Grants == nil {
			who.Grants = make(map[string]core.Role, len(grants))
		}
		who.Grants[grant.PipelineID] = grant.Role
	}
	return who, nil
}

// user returns one who may log in.
func (s *Service) user(ctx context.Context, id string) (*core.User, error) {
	user, err := s.store.User(ctx, id)
	switch {
	case core.CodeOf(err) == core.CodeNotFound:
		return nil, refused("the user is not there any more")
	case err != nil:
		return nil, err
	case user.Disabled:
		return nil, refused("the user "+user.Name+" is disabled", "ask an administrator")
	}
	return user, nil
}

// identifySession says who has an access token. The session is looked up each time:
// one that was revoked is over at once, not when its access token expires.
func (s *Service) identifySession(ctx context.Context, id, userID string) (*core.Identity, error) {
	session, err := s.store.Session(ctx, id)
	if core.CodeOf(err) == core.CodeNotFound || err == nil && session.UserID != userID {
		return nil, sessionOver()
	}
	if err != nil {
		return nil, err
	}
	return s.identifyIn(ctx, session)
}

// identifyIn says who has a session, with the limits of the token it began with.
func (s *Service) identifyIn(ctx context.Context, session *core.Session) (*core.Identity, error) {
	if session.RevokedAt != nil || !s.now().Before(session.ExpiresAt) {
		return nil, sessionOver()
	}
	who, err := s.identifyUser(ctx, session.UserID)
	if err != nil {
		return nil, err
	}
	if session.TokenID != "" {
		token, err := s.store.Token(ctx, session.TokenID)
		if core.CodeOf(err) == core.CodeNotFound {
			return nil, sessionOver()
		}
		if err != nil {
			return nil, err
		}
		if err := s.checkToken(token); err != nil {
			return nil, err
		}
		limit(who, token)
	}
	who.SessionID = session.ID
	return who, nil
}

func sessionOver() error { return refused("the session is over", "log in again") }

const (
	// touchEvery is how exactly the last use of a token is known.
	touchEvery = time.Minute
	// maxTouched bounds what is remembered of it.
	maxTouched = 10_000
)

// touch says in the store that a token is used, once a minute at the most. When that
// cannot be said, the request goes on.
func (s *Service) touch(ctx context.Context, token *core.Token) {
	now := s.moment()
	if token.LastUsedAt != nil && now.Sub(*token.LastUsedAt) < touchEvery {
		return
	}
	s.mu.Lock()
	again := now.Sub(s.touched[token.ID]) < touchEvery
	if !again {
		if len(s.touched) >= maxTouched {
			clear(s.touched)
		}
		s.touched[token.ID] = now
	}
	s.mu.Unlock()
	if again {
		return
	}
	if err := s.store.TouchToken(ctx, token.ID, now); err != nil {
		s.log.Warn("the use of a token could not be written down", "token", token.ID, "error", err)
	}
}
