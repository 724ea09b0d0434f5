package secrets

import (
	"context"
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// Rotate makes a new key, encrypts every secret with it, and forgets the old ones. It
// returns how many secrets there were. Interrupted at any point, everything stays
// readable, and it can be repeated: the old keys go when all is stored, and not before.
// Secrets of pipelines that are gone are removed.
func (s *Service) Rotate(ctx context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.found.forget()
	if s.keys == nil {
		return 0, nil
	}
	if err := s.keys.addPrimary(); err != nil {
		return 0, err
	}
	all, err := s.store.AllSecrets(ctx)
	if err != nil {
		return 0, err
	}
	kept := 0
	for _, secret := range all {
		orphan, err := s.orphan(ctx, secret)
		switch {
		case err != nil:
		case orphan:
			err = s.store.DeleteSecret(ctx, secret.PipelineID, secret.Name)
		default:
			kept++
			err = s.renew(ctx, secret)
		}
		if err != nil {
			return 0, err
		}
	}
	return kept, s.keys.keepPrimary()
}

// renew encrypts a secret with the primary key.
func (s *Service) renew(ctx context.Context, secret *core.Secret) error {
	value, err := s.keys.open(secret)
	if err != nil {
		return err
	}
	if secret.Ciphertext, err = s.keys.seal(value, place(secret)); err != nil {
		return fmt.Errorf("encrypt secret %s: %w", secret.Name, err)
	}
	return s.store.PutSecret(ctx, secret)
}

// orphan reports whether a secret's pipeline has been deleted.
func (s *Service) orphan(ctx context.Context, secret *core.Secret) (bool, error) {
	if secret.PipelineID == "" {
		return false, nil
	}
	if strings.HasPrefix(secret.PipelineID, executionScope) {
		return s.unclaimedValue(ctx, secret)
	}
	_, err := s.store.Pipeline(ctx, secret.PipelineID)
	if core.CodeOf(err) == core.CodeNotFound {
		return true, nil
	}
	return false, err
}
