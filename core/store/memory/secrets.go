package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// secretKey names a secret: within its scope.
type secretKey struct{ pipelineID, name string }

// PutSecret implements core.SecretStore.
func (s *Store) PutSecret(ctx context.Context, secret *core.Secret) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[secretKey{secret.PipelineID, secret.Name}] = copySecret(*secret)
	return nil
}

// Secret implements core.SecretStore.
func (s *Store) Secret(ctx context.Context, pipelineID, name string) (*core.Secret, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, found := s.secrets[secretKey{pipelineID, name}]
	if !found {
		return nil, core.NotFound("secret", name)
	}
	secret := copySecret(stored)
	return &secret, nil
}

// Secrets implements core.SecretStore.
func (s *Store) Secrets(ctx context.Context, pipelineID string) ([]*core.Secret, error) {
	return s.secretsOf(ctx, func(key secretKey) bool { return key.pipelineID == pipelineID })
}

// AllSecrets implements core.SecretStore: by scope, then by name.
func (s *Store) AllSecrets(ctx context.Context) ([]*core.Secret, error) {
	return s.secretsOf(ctx, func(secretKey) bool { return true })
}

func (s *Store) secretsOf(ctx context.Context, wanted func(secretKey) bool) ([]*core.Secret, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*core.Secret{}
	for key, stored := range s.secrets {
		if wanted(key) {
			secret := copySecret(stored)
			list = append(list, &secret)
		}
	}
	slices.SortFunc(list, func(a, b *core.Secret) int {
		return cmp.Or(cmp.Compare(a.PipelineID, b.PipelineID), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// DeleteSecret implements core.SecretStore.
func (s *Store) DeleteSecret(ctx context.Context, pipelineID, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := secretKey{pipelineID, name}
	if _, found := s.secrets[key]; !found {
		return core.NotFound("secret", name)
	}
	delete(s.secrets, key)
	return nil
}

// Setting implements core.SettingStore.
func (s *Store) Setting(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.settings[key]), nil
}

// PutSetting implements core.SettingStore.
func (s *Store) PutSetting(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.settings, key)
		return nil
	}
	s.settings[key] = slices.Clone(value)
	return nil
}

func copySecret(secret core.Secret) core.Secret {
	secret.Ciphertext = slices.Clone(secret.Ciphertext)
	return secret
}
