package secrets

import (
	"context"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// maxFound bounds found.
const maxFound = 1000

// found remembers which secrets there are, as they are stored, encrypted: each delivery
// of a webhook asks for one. All changes go through the Service, which forgets then. It
// is safe for concurrent use.
type found struct {
	mu      sync.Mutex
	secrets map[[2]string]*core.Secret // by scope and name; nil is one that is not there
}

// lookUp returns a secret of one scope, nil when there is none. The caller holds the
// Service's lock, so that nothing changes between the store's answer and its note.
func (s *Service) lookUp(ctx context.Context, scope, name string) (*core.Secret, error) {
	key := [2]string{scope, name}
	s.found.mu.Lock()
	secret, known := s.found.secrets[key]
	s.found.mu.Unlock()
	if known {
		return secret, nil
	}
	secret, err := s.store.Secret(ctx, scope, name)
	if core.CodeOf(err) == core.CodeNotFound {
		secret, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.found.mu.Lock()
	defer s.found.mu.Unlock()
	if s.found.secrets == nil || len(s.found.secrets) >= maxFound {
		s.found.secrets = map[[2]string]*core.Secret{}
	}
	s.found.secrets[key] = secret
	return secret, nil
}

// forget is for whoever has changed secrets, also when that failed: it may be done. The
// caller holds the Service's lock for writing.
func (f *found) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secrets = nil
}
