package core

import (
	"slices"
	"time"
)

// Identity is who makes a request, and how far they may go. It is never changed once
// it is made.
type Identity struct {
	// UserID is empty for the operator's own token and for tokens from before there
	// were users.
	UserID string `json:"user_id,omitempty"`
	Name   string `json:"name"`
	// Role is what they may do where no grant says otherwise.
	Role Role `json:"role"`
	// Grants are roles on single pipelines, by ID.
	Grants map[string]Role `json:"grants,omitempty"`
	// TokenID and SessionID say how they came in; a session that began with a token
	// has both.
	TokenID   string `json:"token_id,omitempty"`
	SessionID string `json:"session_id,omitempty"`

	// MaxRole, Scopes and PipelineIDs are the limits of the token, as in Token; Role
	// and Grants are those of the user, without them.
	MaxRole     Role     `json:"max_role,omitempty"`
	Scopes      []string `json:"scopes,omitempty"`
	PipelineIDs []string `json:"pipeline_ids,omitempty"`
}

// Limited reports whether they came with a token that is not good for all that its
// user may do.
func (i *Identity) Limited() bool {
	return i.MaxRole != "" || len(i.Scopes) > 0 || len(i.PipelineIDs) > 0
}

// RoleOn is their role on a pipeline, or on what is of no pipeline for "". A grant
// raises or lowers it, but for an administrator, who could give it to himself; the
// limits of a token only lower it.
func (i *Identity) RoleOn(pipelineID string) Role {
	role := i.Role
	if pipelineID != "" {
		if granted, there := i.Grants[pipelineID]; there && role != RoleAdmin {
			role = granted
		}
		if len(i.PipelineIDs) > 0 && !slices.Contains(i.PipelineIDs, pipelineID) {
			return RoleNone
		}
	}
	if i.MaxRole != "" {
		role = role.Lower(i.MaxRole)
	}
	return role
}

// Sees reports whether they may know of a pipeline and what it did.
func (i *Identity) Sees(pipelineID string) bool { return i.RoleOn(pipelineID).AtLeast(RoleViewer) }

// ClientInfo is where a request comes from, as far as it can be known.
type ClientInfo struct {
	Address, UserAgent string
}

// Login is what somebody gets who has logged in.
type Login struct {
	User    *User
	Session *Session
	// Access is sent with each request until AccessExpires; Refresh is exchanged for
	// the next Login, once, until RefreshExpires.
	Access         string
	AccessExpires  time.Time
	Refresh        string
	RefreshExpires time.Time
}

// NewToken says what token to make.
type NewToken struct {
	Name string
	// UserID is whose it will be; empty for the one who asks.
	UserID      string
	Role        Role
	Scopes      []string
	PipelineIDs []string
	// ExpiresAt is nil for one that does not expire.
	ExpiresAt *time.Time
}

// UserChange says what of a user to change; what is nil stays.
type UserChange struct {
	DisplayName, Email *string
	Role               *Role
	Disabled           *bool
}

// RateState is what is left of a limit.
type RateState struct {
	// Allowed is false for a request too many.
	Allowed          bool
	Limit, Remaining int64
	// Per is the time that Limit is for.
	Per time.Duration
	// Reset is when there is all of it again, or the next one.
	Reset time.Time
}
