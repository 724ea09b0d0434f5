package core

import (
	"context"
	"time"
)

// Secret is a stored secret. Its value is only ever stored encrypted.
type Secret struct {
	// PipelineID is empty for a global secret.
	PipelineID string `json:"pipeline_id,omitempty" bson:"pipeline_id"`
	Name       string `json:"name" bson:"name"`
	// Ciphertext is bound to PipelineID and Name: moved elsewhere it does not open.
	Ciphertext []byte    `json:"-" bson:"ciphertext"`
	CreatedAt  time.Time `json:"created_at" bson:"created_at"`
	UpdatedAt  time.Time `json:"updated_at" bson:"updated_at"`
	UpdatedBy  string    `json:"updated_by,omitempty" bson:"updated_by,omitempty"`
}

// SecretStore keeps secrets. It is safe for concurrent use.
type SecretStore interface {
	// PutSecret stores a secret or replaces that of the same scope and name. It is
	// on disk when it returns.
	PutSecret(ctx context.Context, s *Secret) error
	// Secret returns NotFound when the scope has none of that name.
	Secret(ctx context.Context, pipelineID, name string) (*Secret, error)
	// Secrets lists those of one scope ("" is the global one) by name.
	Secrets(ctx context.Context, pipelineID string) ([]*Secret, error)
	// AllSecrets lists those of every scope: for the rotation of keys.
	AllSecrets(ctx context.Context) ([]*Secret, error)
	// DeleteSecret returns NotFound when there is none.
	DeleteSecret(ctx context.Context, pipelineID, name string) error
}

// ValueKeeper keeps the secret variables of executions, encrypted. It is safe for
// concurrent use.
type ValueKeeper interface {
	// KeepValues stores those of an execution, before the execution itself. They are on
	// disk when it returns. It returns Invalid for a name or a value that no variable
	// can have.
	KeepValues(ctx context.Context, executionID string, values map[string]string) error
	// Values returns those of an execution, by name.
	Values(ctx context.Context, executionID string) (map[string]string, error)
}

// SecretKeeper is what the API needs of secrets. It is safe for concurrent use.
type SecretKeeper interface {
	SetSecret(ctx context.Context, pipelineID, name, value, by string) (*Secret, error)
	ListSecrets(ctx context.Context, pipelineID string) ([]*Secret, error)
	DeleteSecret(ctx context.Context, pipelineID, name string) error
	// Rotate encrypts everything with a new key, forgets the old ones, and returns
	// how many secrets there are. Interrupted, it can be repeated.
	Rotate(ctx context.Context) (int, error)
}
