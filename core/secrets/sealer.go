package secrets

import (
	"errors"
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
)

var _ core.Sealer = (*Service)(nil)

// sealing keeps what is sealed from being taken for a secret: no pipeline's ID begins
// like this.
const sealing = "\x00sealed\x00"

// Seal implements core.Sealer, with the keys of the secrets: the first use makes them. A
// rotation of the keys leaves what was sealed before without a key, so it must be of a
// kind that can be made anew.
func (s *Service) Seal(plaintext, context []byte) ([]byte, error) {
	if err := s.haveKeys(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	sealed, err := s.keys.seal(plaintext, append([]byte(sealing), context...))
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return sealed, nil
}

// haveKeys makes the keys if there are none yet. They never go again.
func (s *Service) haveKeys() error {
	s.mu.RLock()
	there := s.keys != nil
	s.mu.RUnlock()
	if there {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.needKeys()
}

// Open implements core.Sealer.
func (s *Service) Open(ciphertext, context []byte) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.keys == nil {
		return nil, errors.New("there are no keys to open it")
	}
	plaintext, err := s.keys.aead.Decrypt(ciphertext, append([]byte(sealing), context...))
	if err != nil {
		return nil, errors.New("it was sealed with keys that are gone, or changed")
	}
	return plaintext, nil
}
