package core

import (
	"context"
	"time"
)

// AuditEntry says that somebody did something, or tried to.
type AuditEntry struct {
	ID string    `json:"id" bson:"_id"`
	At time.Time `json:"at" bson:"at"`
	// Who is a name, and UserID the user's ID if they have one; both are empty for
	// somebody unknown.
	Who    string `json:"who,omitempty" bson:"who,omitempty"`
	UserID string `json:"user_id,omitempty" bson:"user_id,omitempty"`
	// Action is the operation, as in the API's contract.
	Action string `json:"action" bson:"action"`
	// Target is the ID or the name of what it was done to.
	Target    string `json:"target,omitempty" bson:"target,omitempty"`
	Address   string `json:"address,omitempty" bson:"address,omitempty"`
	RequestID string `json:"request_id,omitempty" bson:"request_id,omitempty"`
	// Outcome is "done", "refused" or "failed".
	Outcome string            `json:"outcome" bson:"outcome"`
	Details map[string]string `json:"details,omitempty" bson:"details,omitempty"`
}

// AuditFilter narrows the list of entries; zero fields do not.
type AuditFilter struct {
	Who, Action, Target string
	Page                Page
}

// AuditStore keeps the audit log. It is safe for concurrent use.
type AuditStore interface {
	// AppendAudit stores an entry. It may be lost when the machine loses power, not
	// when the server is killed.
	AppendAudit(ctx context.Context, entry *AuditEntry) error
	// Audit returns a page, newest first.
	Audit(ctx context.Context, filter AuditFilter) ([]*AuditEntry, error)
	// DeleteAudit removes entries from before a time, and returns how many.
	DeleteAudit(ctx context.Context, before time.Time) (int, error)
}
