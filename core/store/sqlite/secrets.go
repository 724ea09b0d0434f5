package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/patchbay-ci/patchbay/core"
)

// storedSecret is a secret with the ciphertext that its JSON for users leaves out.
type storedSecret struct {
	core.Secret
	Ciphertext []byte `json:"ciphertext"`
}

func (s *storedSecret) secret() *core.Secret {
	s.Secret.Ciphertext = s.Ciphertext
	return &s.Secret
}

// PutSecret implements core.SecretStore.
func (s *Store) PutSecret(ctx context.Context, secret *core.Secret) error {
	document, err := encode(storedSecret{*secret, secret.Ciphertext})
	if err != nil {
		return err
	}
	return s.writer.do(ctx, true, func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO secrets (pipeline_id, name, doc) VALUES (?, ?, ?)",
			secret.PipelineID, secret.Name, document)
	})
}

// Secret implements core.SecretStore.
func (s *Store) Secret(ctx context.Context, pipelineID, name string) (*core.Secret, error) {
	stored, err := one[storedSecret](ctx, s, core.NotFound("secret", name),
		"SELECT doc FROM secrets WHERE pipeline_id = ? AND name = ?", pipelineID, name)
	if err != nil {
		return nil, err
	}
	return stored.secret(), nil
}

// Secrets implements core.SecretStore.
func (s *Store) Secrets(ctx context.Context, pipelineID string) ([]*core.Secret, error) {
	return s.secrets(ctx, "SELECT doc FROM secrets WHERE pipeline_id = ? ORDER BY name", pipelineID)
}

// AllSecrets implements core.SecretStore: by scope, then by name.
func (s *Store) AllSecrets(ctx context.Context) ([]*core.Secret, error) {
	return s.secrets(ctx, "SELECT doc FROM secrets ORDER BY pipeline_id, name")
}

func (s *Store) secrets(ctx context.Context, query string, args ...any) ([]*core.Secret, error) {
	stored, err := many[storedSecret](ctx, s, query, args...)
	if err != nil {
		return nil, err
	}
	list := make([]*core.Secret, len(stored))
	for i := range stored {
		list[i] = stored[i].secret()
	}
	return list, nil
}

// DeleteSecret implements core.SecretStore.
func (s *Store) DeleteSecret(ctx context.Context, pipelineID, name string) error {
	return s.writer.do(ctx, true, func(t *tx) error {
		return t.remove(core.NotFound("secret", name), "DELETE FROM secrets WHERE pipeline_id = ? AND name = ?", pipelineID, name)
	})
}

// remove runs a DELETE and returns missing when it found nothing.
func (t *tx) remove(missing *core.Error, query string, args ...any) error {
	changed, err := t.change(query, args...)
	if err == nil && changed == 0 {
		return missing
	}
	return err
}

// Setting implements core.SettingStore.
func (s *Store) Setting(ctx context.Context, key string) ([]byte, error) {
	value := []byte{} // and not nil, when that is what is stored
	err := s.reads.row(ctx, "SELECT value FROM settings WHERE key = ?", []any{key}, &value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, translate(err)
	}
	return append([]byte{}, value...), nil
}

// PutSetting implements core.SettingStore.
func (s *Store) PutSetting(ctx context.Context, key string, value []byte) error {
	return s.writer.do(ctx, true, func(t *tx) error {
		if value == nil {
			return t.exec("DELETE FROM settings WHERE key = ?", key)
		}
		return t.exec("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", key, value)
	})
}
