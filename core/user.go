package core

import (
	"context"
	"slices"
	"time"
)

// Role says how much somebody may do. Each role may do what those before it may.
type Role string

// The roles. RoleNone is only for grants, where it shuts a pipeline.
const (
	RoleNone      Role = "none"
	RoleViewer    Role = "viewer"
	RoleDeveloper Role = "developer"
	RoleAdmin     Role = "admin"
)

// Roles lists the roles of users, the least first.
func Roles() []Role { return []Role{RoleViewer, RoleDeveloper, RoleAdmin} }

// AtLeast reports whether r may do all that least may. A role that is none of the
// roles may do nothing.
func (r Role) AtLeast(least Role) bool {
	have, need := slices.Index(Roles(), r), slices.Index(Roles(), least)
	return need >= 0 && have >= need
}

// Lower returns the lesser of two roles.
func (r Role) Lower(other Role) Role {
	switch {
	case r.AtLeast(other):
		return other
	case other.AtLeast(r):
		return r
	}
	return RoleNone
}

// User is somebody who may log in. There are no passwords: who they are is said by an
// API token, by a one-time link, or by another service that knows them.
type User struct {
	ID string `json:"id" bson:"_id"`
	// Name is unique, in lower case; what they do is recorded under it.
	Name        string `json:"name" bson:"name"`
	DisplayName string `json:"display_name,omitempty" bson:"display_name,omitempty"`
	Email       string `json:"email,omitempty" bson:"email,omitempty"`
	Role        Role   `json:"role" bson:"role"`
	// Identities are the accounts elsewhere by which they log in. Each belongs to one
	// user at the most.
	Identities []ExternalIdentity `json:"identities,omitempty" bson:"identities,omitempty"`
	// Disabled users are let in by nothing.
	Disabled  bool      `json:"disabled" bson:"disabled"`
	CreatedAt time.Time `json:"created_at" bson:"created_at"`
	UpdatedAt time.Time `json:"updated_at" bson:"updated_at"`
	Version   int64     `json:"version" bson:"version"`
}

// ExternalIdentity is an account at another service.
type ExternalIdentity struct {
	// Provider is "github", or the issuer of an OpenID Connect provider.
	Provider string `json:"provider" bson:"provider"`
	// Subject is what the provider promises never to give to somebody else; a login
	// may change hands.
	Subject string `json:"subject" bson:"subject"`
	Login   string `json:"login,omitempty" bson:"login,omitempty"`
}

// Grant gives a user another role on one pipeline: a higher one or a lower one.
type Grant struct {
	UserID     string    `json:"user_id" bson:"user_id"`
	PipelineID string    `json:"pipeline_id" bson:"pipeline_id"`
	Role       Role      `json:"role" bson:"role"`
	UpdatedAt  time.Time `json:"updated_at" bson:"updated_at"`
	UpdatedBy  string    `json:"updated_by,omitempty" bson:"updated_by,omitempty"`
}

// UserStore keeps users and their grants. It is safe for concurrent use. Lookups that
// find nothing return NotFound. What it writes is on disk when it returns.
type UserStore interface {
	// CreateUser stores u and sets u.Version to 1. It returns Conflict when the ID,
	// the name or one of the identities is taken.
	CreateUser(ctx context.Context, u *User) error
	// UpdateUser stores u if the stored version is still u.Version, and increments it;
	// Conflict otherwise, and when the name or an identity is taken.
	UpdateUser(ctx context.Context, u *User) error
	// DeleteUser removes the user with their grants, sessions and tokens.
	DeleteUser(ctx context.Context, id string) error
	User(ctx context.Context, id string) (*User, error)
	UserByName(ctx context.Context, name string) (*User, error)
	UserByIdentity(ctx context.Context, provider, subject string) (*User, error)
	// Users returns a page, newest first.
	Users(ctx context.Context, page Page) ([]*User, error)

	// PutGrant stores a grant, in place of the one for the same user and pipeline.
	PutGrant(ctx context.Context, g *Grant) error
	// Grants lists those of a user by pipeline.
	Grants(ctx context.Context, userID string) ([]*Grant, error)
	DeleteGrant(ctx context.Context, userID, pipelineID string) error
}

// TokenKind says what a token is good for.
type TokenKind string

// The kinds of tokens.
const (
	// TokenAPI is sent with each request.
	TokenAPI TokenKind = ""
	// TokenLink is good for one login.
	TokenLink TokenKind = "link"
)

// Token lets a program or a person in. The secret itself is never stored.
type Token struct {
	ID   string    `json:"id" bson:"_id"`
	Name string    `json:"name" bson:"name"`
	Kind TokenKind `json:"kind,omitempty" bson:"kind,omitempty"`
	// UserID is whose it is; empty for an administrator's token from before there
	// were users.
	UserID string `json:"user_id,omitempty" bson:"user_id,omitempty"`
	// Prefix is how the secret begins: enough to recognise it, too little to use it.
	Prefix string `json:"prefix,omitempty" bson:"prefix,omitempty"`
	// Hash is the SHA-256 of the secret, in hex.
	Hash string `json:"-" bson:"hash"`
	// Role is the highest role it gives; empty means all that its user has.
	Role Role `json:"role,omitempty" bson:"role,omitempty"`
	// Scopes are the kinds of actions it is good for ("executions:write"); none
	// means all.
	Scopes []string `json:"scopes,omitempty" bson:"scopes,omitempty"`
	// PipelineIDs are the pipelines it is good for; none means all, and what is of
	// no pipeline.
	PipelineIDs []string   `json:"pipeline_ids,omitempty" bson:"pipeline_ids,omitempty"`
	CreatedAt   time.Time  `json:"created_at" bson:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" bson:"expires_at,omitempty"`
	// LastUsedAt is right to a minute or so.
	LastUsedAt *time.Time `json:"last_used_at,omitempty" bson:"last_used_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty" bson:"revoked_at,omitempty"`
}

// TokenStore keeps tokens. It is safe for concurrent use. Lookups that find nothing
// return NotFound.
type TokenStore interface {
	// CreateToken stores t; Conflict when its ID or hash is there.
	CreateToken(ctx context.Context, t *Token) error
	Token(ctx context.Context, id string) (*Token, error)
	// TokenByHash returns NotFound for an unknown hash.
	TokenByHash(ctx context.Context, hash string) (*Token, error)
	// Tokens returns a page of those of a user, newest first; of all users for "".
	Tokens(ctx context.Context, userID string, page Page) ([]*Token, error)
	// RevokeToken sets RevokedAt, once: Conflict for one that is revoked. It is on
	// disk when it returns.
	RevokeToken(ctx context.Context, id string, at time.Time) error
	// TouchToken sets LastUsedAt.
	TouchToken(ctx context.Context, id string, at time.Time) error
	CountTokens(ctx context.Context) (int, error)
}
