package core

import (
	"context"
	"time"
)

// KeyedRequest is a request that its sender gave a key, so as to be able to repeat it:
// what it does is done once, however often it comes.
type KeyedRequest struct {
	// ID is made of who asks, what for, and the key.
	ID string `json:"id" bson:"_id"`
	// Fingerprint tells whether another request is the same one.
	Fingerprint string `json:"fingerprint" bson:"fingerprint"`
	// Owner is the process that works on it. One that is gone has left it.
	Owner string `json:"owner" bson:"owner"`
	// TargetID is the ID of what the request makes, decided before it is made: so that,
	// after a crash in between, it can be told whether it was.
	TargetID string `json:"target_id" bson:"target_id"`
	// Answer is nil until the request is done.
	Answer    *KeptAnswer `json:"answer,omitempty" bson:"answer,omitempty"`
	CreatedAt time.Time   `json:"created_at" bson:"created_at"`
	ExpiresAt time.Time   `json:"expires_at" bson:"expires_at"`
	Version   int64       `json:"version" bson:"version"`
}

// KeptAnswer is what was answered, for those who ask again.
type KeptAnswer struct {
	Status int               `json:"status" bson:"status"`
	Header map[string]string `json:"header,omitempty" bson:"header,omitempty"`
	Body   []byte            `json:"body,omitempty" bson:"body,omitempty"`
}

// KeyedRequestStore keeps keyed requests. It is safe for concurrent use. What it writes
// is on disk when it returns.
type KeyedRequestStore interface {
	// CreateKeyedRequest stores r and sets r.Version to 1; Conflict when its ID is there.
	CreateKeyedRequest(ctx context.Context, r *KeyedRequest) error
	// UpdateKeyedRequest stores r if the stored version is still r.Version, and
	// increments it; Conflict otherwise.
	UpdateKeyedRequest(ctx context.Context, r *KeyedRequest) error
	// KeyedRequest returns NotFound for an unknown ID.
	KeyedRequest(ctx context.Context, id string) (*KeyedRequest, error)
	// DeleteKeyedRequest removes one, if it is there.
	DeleteKeyedRequest(ctx context.Context, id string) error
	// DeleteKeyedRequests removes those that expired before a time, and returns how many.
	DeleteKeyedRequests(ctx context.Context, before time.Time) (int, error)
}
