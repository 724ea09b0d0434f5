package core

import (
	"context"
	"time"
)

// Session is somebody's login from one browser or program. It lives on by a refresh
// token, of which each is good for one use.
type Session struct {
	ID     string `json:"id" bson:"_id"`
	UserID string `json:"user_id" bson:"user_id"`
	// TokenID is the API token it began with, whose limits it has; empty otherwise.
	TokenID string `json:"token_id,omitempty" bson:"token_id,omitempty"`
	// Method says how they logged in: "github", "oidc", "token", "link".
	Method string `json:"method" bson:"method"`
	// FamilyHash is the SHA-256, in hex, of what all refresh tokens of the session
	// have in common, and RefreshHash that of the one that is good now. Who knows the
	// first but not the second shows a token that was used before.
	FamilyHash  string `json:"-" bson:"family_hash"`
	RefreshHash string `json:"-" bson:"refresh_hash"`

	CreatedAt  time.Time `json:"created_at" bson:"created_at"`
	LastUsedAt time.Time `json:"last_used_at" bson:"last_used_at"`
	// ExpiresAt moves on with each use, up to a limit.
	ExpiresAt time.Time `json:"expires_at" bson:"expires_at"`
	UserAgent string    `json:"user_agent,omitempty" bson:"user_agent,omitempty"`
	Address   string    `json:"address,omitempty" bson:"address,omitempty"`

	RevokedAt    *time.Time `json:"revoked_at,omitempty" bson:"revoked_at,omitempty"`
	RevokeReason string     `json:"revoke_reason,omitempty" bson:"revoke_reason,omitempty"`
	Version      int64      `json:"version" bson:"version"`
}

// SessionStore keeps sessions. It is safe for concurrent use. Lookups that find
// nothing return NotFound. What it writes is on disk when it returns.
type SessionStore interface {
	// CreateSession stores s and sets s.Version to 1.
	CreateSession(ctx context.Context, s *Session) error
	// UpdateSession stores s if the stored version is still s.Version, and increments
	// it; Conflict otherwise.
	UpdateSession(ctx context.Context, s *Session) error
	Session(ctx context.Context, id string) (*Session, error)
	SessionByFamily(ctx context.Context, familyHash string) (*Session, error)
	// Sessions returns a page of those of a user, newest first.
	Sessions(ctx context.Context, userID string, page Page) ([]*Session, error)
	// RevokeSessions revokes all of a user that are not, except one (none for ""),
	// and returns how many those are.
	RevokeSessions(ctx context.Context, userID, except string, at time.Time, reason string) (int, error)
	// DeleteSessions removes those that expired before a time, and returns how many.
	DeleteSessions(ctx context.Context, before time.Time) (int, error)
}

// SigningKey signs access tokens for a time.
type SigningKey struct {
	// ID is the key ID (kid) in the tokens.
	ID        string `json:"id" bson:"_id"`
	Algorithm string `json:"algorithm" bson:"algorithm"`
	// Sealed is the private key, encrypted and bound to ID.
	Sealed    []byte    `json:"-" bson:"sealed"`
	CreatedAt time.Time `json:"created_at" bson:"created_at"`
	// SignsUntil is when another one takes over, NotAfter when the last token that it
	// signed has expired.
	SignsUntil time.Time `json:"signs_until" bson:"signs_until"`
	NotAfter   time.Time `json:"not_after" bson:"not_after"`
}

// SigningKeyStore keeps signing keys. It is safe for concurrent use. What it writes
// is on disk when it returns.
type SigningKeyStore interface {
	CreateSigningKey(ctx context.Context, k *SigningKey) error
	// SigningKeys lists all, newest first.
	SigningKeys(ctx context.Context) ([]*SigningKey, error)
	// DeleteSigningKey removes one, if it is there.
	DeleteSigningKey(ctx context.Context, id string) error
}

// Sealer encrypts what is kept, bound to a context: with another one it does not
// open. It is safe for concurrent use.
type Sealer interface {
	Seal(plaintext, context []byte) ([]byte, error)
	Open(ciphertext, context []byte) ([]byte, error)
}
