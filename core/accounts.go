package core

import (
	"context"
	"net/url"
)

// Gatekeeper says who makes a request and what they may do. It is safe for concurrent
// use.
type Gatekeeper interface {
	// Identify says whose an API token, an access token or the operator's token is. It
	// returns Unauthenticated for one that is not good.
	Identify(ctx context.Context, credential string) (*Identity, error)
	// Renew says what somebody may do by now whom Identify has named before. It returns
	// Unauthenticated when they are let in no more; that an access token has expired
	// meanwhile is no reason.
	Renew(ctx context.Context, who *Identity) (*Identity, error)
	// Open reports whether an operation needs no identity.
	Open(operation string) bool
	// Allow returns nil when somebody may do an operation on a pipeline, or on what is
	// of no pipeline for ""; otherwise Unauthenticated without an identity, and
	// Forbidden with one.
	Allow(who *Identity, operation, pipelineID string) error
}

// SessionKeeper begins and ends sessions. It is safe for concurrent use.
type SessionKeeper interface {
	// Login begins a session with an API token, the operator's token or a one-time
	// link. It returns Unauthenticated for one that is not good.
	Login(ctx context.Context, secret string, from ClientInfo) (*Login, error)
	// Refresh exchanges a refresh token for the next one. One that was used before ends
	// its session; like all that are not good it is Unauthenticated.
	Refresh(ctx context.Context, refresh string, from ClientInfo) (*Login, error)
	// SessionOf finds the session of a refresh token, whether it was used or not. It
	// returns NotFound or Unauthenticated when there is none.
	SessionOf(ctx context.Context, refresh string) (*Session, error)
	// Sessions lists a page of a user's.
	Sessions(ctx context.Context, userID string, page Page) ([]*Session, error)
	// EndSession returns NotFound when the user has no such session; userID "" means
	// any user's. It is no error when the session is over.
	EndSession(ctx context.Context, userID, id, reason string) error
	// EndSessions ends all of a user but one ("" for none), and returns how many.
	EndSessions(ctx context.Context, userID, except, reason string) (int, error)
	// Rotate has access tokens signed with a new key; Conflict when the key is the
	// operator's.
	Rotate(ctx context.Context) error
}

// UserKeeper keeps users and what they may do. It is safe for concurrent use. Users are
// named by ID or by name; NotFound says that there is no such user.
type UserKeeper interface {
	CreateUser(ctx context.Context, name string, change UserChange) (*User, error)
	FindUser(ctx context.Context, idOrName string) (*User, error)
	Users(ctx context.Context, page Page) ([]*User, error)
	// UpdateUser returns Conflict for what nobody may do to himself.
	UpdateUser(ctx context.Context, who *Identity, idOrName string, change UserChange) (*User, error)
	DeleteUser(ctx context.Context, who *Identity, idOrName string) error
	SetGrant(ctx context.Context, who *Identity, user, pipelineID string, role Role) (*Grant, error)
	Grants(ctx context.Context, user string) ([]*Grant, error)
	DeleteGrant(ctx context.Context, user, pipelineID string) error
}

// TokenKeeper keeps API tokens and one-time links. It is safe for concurrent use. A
// secret is returned once, when it is made.
type TokenKeeper interface {
	CreateToken(ctx context.Context, who *Identity, n NewToken) (secret string, _ *Token, err error)
	// Tokens lists a page of a user's, of all users' for "".
	Tokens(ctx context.Context, userID string, page Page) ([]*Token, error)
	// RevokeToken returns NotFound when the user has no such token; userID "" means
	// any user's.
	RevokeToken(ctx context.Context, userID, id string) error
	CreateLink(ctx context.Context, userID string) (secret string, _ *Token, err error)
}

// Accounts is all that the API needs of users.
type Accounts interface {
	Gatekeeper
	SessionKeeper
	UserKeeper
	TokenKeeper
}

// Logins are those by other services. They are safe for concurrent use.
type Logins interface {
	// Names lists the services.
	Names() []string
	// Begin returns where the browser is sent to, and a cookie to come back with.
	// returnTo is a path of this server's. It returns NotFound for an unknown service.
	Begin(ctx context.Context, service, returnTo string) (to, cookie string, err error)
	// Finish takes what the browser came back with, and begins a session. It returns
	// Unauthenticated when that does not fit together, Forbidden when the account may
	// not log in, and External when the service does not answer as it should.
	Finish(ctx context.Context, service, cookie string, query url.Values, from ClientInfo) (_ *Login, returnTo string, err error)
}

// RateLimiter counts what comes from the same place. It is safe for concurrent use.
type RateLimiter interface {
	// Take counts one of key, and says what is left.
	Take(ctx context.Context, key string) (RateState, error)
	// Left says what is left, and counts nothing.
	Left(ctx context.Context, key string) (RateState, error)
}
