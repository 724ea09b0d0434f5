package secrets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
)

// Bounds.
const (
	// MaxValue is the longest value of a secret in bytes.
	MaxValue = 64 << 10
	// MaxSecrets is how many secrets a scope may have.
	MaxSecrets = 1000
)

// Store is what a Service needs.
type Store interface {
	core.SecretStore
	Pipeline(ctx context.Context, id string) (*core.Pipeline, error)
	Execution(ctx context.Context, id string) (*core.Execution, error)
}

// Service keeps secrets. It implements core.SecretKeeper and is safe for concurrent
// use; only one process at a time may have the file of keys open for writing.
type Service struct {
	store Store
	path  string
	wrap  []byte

	mu    sync.RWMutex // held for writing while keys or secrets change
	keys  *Keys        // nil until the first secret
	found found
}

var _ core.SecretKeeper = (*Service)(nil)

// Open reads the keys at path. The first secret makes the file; but when there are
// secrets, it must be there: new keys would open none of them.
func Open(ctx context.Context, store Store, path string, wrappingKey []byte) (*Service, error) {
	s := &Service{store: store, path: path, wrap: wrappingKey}
	keys, err := OpenKeys(path, wrappingKey)
	switch {
	case err == nil:
		s.keys = keys
		return s, nil
	case !errors.Is(err, ErrNoKeys):
		return nil, err
	}
	stored, err := store.AllSecrets(ctx)
	if err != nil {
		return nil, err
	}
	if len(stored) > 0 {
		return nil, fmt.Errorf("the file of keys %s is missing, and %d secrets are stored that only its keys open: bring it back from a backup", path, len(stored))
	}
	return s, nil
}

// secretName is a name of a variable (POSIX, 8.1), bounded.
var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

func checkName(name string) error {
	switch {
	case !secretName.MatchString(name):
		return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("%.60q is no name of a secret", name),
			Suggestions: []string{"use letters, digits and underscores, no digit first, at most 128 in all"}}
	case strings.HasPrefix(name, "CI_") || strings.HasPrefix(name, "PATCHBAY_") || name == "PATH":
		return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("%s is a variable that every step has; no secret may replace it", name),
			Suggestions: []string{"choose another name"}}
	}
	return nil
}

func checkValue(name, value string) error {
	switch {
	case value == "":
		return &core.Error{Code: core.CodeInvalid, Message: "the secret " + name + " has no value", Suggestions: []string{"delete it instead"}}
	case len(value) > MaxValue:
		return core.Errorf(core.CodeInvalid, "the secret %s has %d bytes; %d is the most", name, len(value), MaxValue)
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return &core.Error{Code: core.CodeInvalid, Message: "the value of " + name + " is not text, so no variable can have it",
			Suggestions: []string{"encode it, as in base64, and decode it in the step"}}
	}
	return nil
}

// SetSecret implements core.SecretKeeper. It returns Invalid for a name or a value that
// no variable can have, and NotFound when there is no such pipeline.
func (s *Service) SetSecret(ctx context.Context, pipelineID, name, value, by string) (*core.Secret, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := checkValue(name, value); err != nil {
		return nil, err
	}
	if pipelineID != "" {
		if _, err := s.store.Pipeline(ctx, pipelineID); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.found.forget()
	if err := s.needKeys(); err != nil {
		return nil, err
	}
	at := time.Now().UTC()
	secret := &core.Secret{PipelineID: pipelineID, Name: name, CreatedAt: at, UpdatedAt: at, UpdatedBy: by}
	old, err := s.store.Secret(ctx, pipelineID, name)
	switch {
	case err == nil:
		secret.CreatedAt = old.CreatedAt
	case core.CodeOf(err) != core.CodeNotFound:
		return nil, err
	default:
		if err := s.checkRoom(ctx, pipelineID); err != nil {
			return nil, err
		}
	}
	if secret.Ciphertext, err = s.keys.seal([]byte(value), place(secret)); err != nil {
		return nil, fmt.Errorf("encrypt a secret: %w", err)
	}
	return secret, s.store.PutSecret(ctx, secret)
}

// needKeys makes the keys if there are none yet. An earlier call may have made the file
// and failed only then.
func (s *Service) needKeys() error {
	if s.keys != nil {
		return nil
	}
	keys, err := OpenKeys(s.path, s.wrap)
	if errors.Is(err, ErrNoKeys) {
		keys, err = CreateKeys(s.path, s.wrap)
	}
	if err != nil {
		return err
	}
	s.keys = keys
	return nil
}

// checkRoom refuses a secret more than a scope may have.
func (s *Service) checkRoom(ctx context.Context, pipelineID string) error {
	known, err := s.store.Secrets(ctx, pipelineID)
	if err != nil {
		return err
	}
	if len(known) >= MaxSecrets {
		return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there are %d secrets in this scope already; no more fit", MaxSecrets),
			Suggestions: []string{"delete those that no pipeline names"}}
	}
	return nil
}

// place is what a ciphertext is bound to.
func place(secret *core.Secret) []byte {
	return []byte(secret.PipelineID + "\x00" + secret.Name)
}

// ListSecrets implements core.SecretKeeper.
func (s *Service) ListSecrets(ctx context.Context, pipelineID string) ([]*core.Secret, error) {
	return s.store.Secrets(ctx, pipelineID)
}

// DeleteSecret implements core.SecretKeeper.
func (s *Service) DeleteSecret(ctx context.Context, pipelineID, name string) error {
	// A rotation that has read it must not store it again.
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.found.forget()
	return s.store.DeleteSecret(ctx, pipelineID, name)
}

// Resolve returns the values of all names, those of the pipeline before global ones.
// NotFound says which one is missing.
func (s *Service) Resolve(ctx context.Context, pipelineID string, names []string) (map[string]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	values := make(map[string]string, len(names))
	for _, name := range names {
		secret, err := s.find(ctx, pipelineID, name)
		if err != nil {
			return nil, err
		}
		value, err := s.keys.open(secret)
		if err != nil {
			return nil, err
		}
		values[name] = string(value)
	}
	return values, nil
}

func (s *Service) find(ctx context.Context, pipelineID, name string) (*core.Secret, error) {
	for _, scope := range slices.Compact([]string{pipelineID, ""}) {
		secret, err := s.lookUp(ctx, scope, name)
		if secret != nil && s.keys == nil {
			return nil, core.Errorf(core.CodeInternal, "secret %s is stored, and there are no keys to open it", name)
		}
		if secret != nil || err != nil {
			return secret, err
		}
	}
	e := core.Errorf(core.CodeNotFound, "there is no secret %s, neither of this pipeline nor global", name)
	e.Suggestions = []string{"set it with: patchbay secret set " + name + " (for one pipeline alone: --pipeline ID)"}
	var known []string
	for _, scope := range slices.Compact([]string{pipelineID, ""}) {
		if list, err := s.store.Secrets(ctx, scope); err == nil {
			for _, secret := range list {
				known = append(known, secret.Name)
			}
		}
	}
	if near := core.Nearest(name, known); near != "" {
		e.Suggestions = append([]string{"did you mean " + near + "?"}, e.Suggestions...)
	}
	return nil, e
}
