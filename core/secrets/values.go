package secrets

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// MaxValues is how many secret variables an execution may be given.
const MaxValues = 100

// executionScope is where the secret variables of executions are kept, as secrets of a
// scope of their own: so they are encrypted and rotated like others. No pipeline has an
// ID like it.
const executionScope = "execution/"

// unclaimed is how long values may be kept before their execution is.
const unclaimed = time.Hour

var _ core.ValueKeeper = (*Service)(nil)

// checkValues refuses what no process could be given.
func checkValues(values map[string]string) error {
	if len(values) > MaxValues {
		return core.Errorf(core.CodeInvalid, "secret_environment has %d variables; %d are the most", len(values), MaxValues)
	}
	for name, value := range values {
		if err := checkName(name); err != nil {
			return err
		}
		if err := checkValue(name, value); err != nil {
			return err
		}
	}
	return nil
}

// KeepValues implements core.ValueKeeper.
func (s *Service) KeepValues(ctx context.Context, executionID string, values map[string]string) error {
	if err := checkValues(values); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.needKeys(); err != nil {
		return err
	}
	at := time.Now().UTC()
	for name, value := range values {
		secret := &core.Secret{PipelineID: executionScope + executionID, Name: name, CreatedAt: at, UpdatedAt: at}
		var err error
		if secret.Ciphertext, err = s.keys.seal([]byte(value), place(secret)); err != nil {
			return fmt.Errorf("encrypt a variable: %w", err)
		}
		if err := s.store.PutSecret(ctx, secret); err != nil {
			return err
		}
	}
	return nil
}

// Values implements core.ValueKeeper.
func (s *Service) Values(ctx context.Context, executionID string) (map[string]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list, err := s.store.Secrets(ctx, executionScope+executionID)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(list))
	for _, secret := range list {
		if s.keys == nil {
			return nil, core.Errorf(core.CodeInternal, "secret variables are stored, and there are no keys to open them")
		}
		value, err := s.keys.open(secret)
		if err != nil {
			return nil, err
		}
		values[secret.Name] = string(value)
	}
	return values, nil
}

// unclaimedValue reports whether a secret is a variable of an execution that was never
// stored: the server died in between.
func (s *Service) unclaimedValue(ctx context.Context, secret *core.Secret) (bool, error) {
	executionID := strings.TrimPrefix(secret.PipelineID, executionScope)
	_, err := s.store.Execution(ctx, executionID)
	if core.CodeOf(err) == core.CodeNotFound {
		return time.Since(secret.CreatedAt) > unclaimed, nil
	}
	return false, err
}
