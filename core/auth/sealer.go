package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"

	"github.com/patchbay-ci/patchbay/core"
)

// sealer is AES-256-GCM with a key that nobody else has and that ends with the process.
type sealer struct{ aead cipher.AEAD }

// NewSealer makes a Sealer for what need not outlive the process. It is safe for
// concurrent use.
func NewSealer() core.Sealer {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails; see crypto/rand
	block, err := aes.NewCipher(key)
	if err != nil {
		return broken{err}
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return broken{err}
	}
	return sealer{aead}
}

// Seal implements core.Sealer.
func (s sealer) Seal(plaintext, context []byte) ([]byte, error) {
	return s.aead.Seal(nil, nil, plaintext, context), nil
}

// Open implements core.Sealer.
func (s sealer) Open(ciphertext, context []byte) ([]byte, error) {
	plaintext, err := s.aead.Open(nil, nil, ciphertext, context)
	if err != nil {
		return nil, errors.New("it was sealed elsewhere, or changed")
	}
	return plaintext, nil
}

// broken says at each use what went wrong: not that it can, with a key of this size.
type broken struct{ err error }

// Seal implements core.Sealer.
func (b broken) Seal(_, _ []byte) ([]byte, error) { return nil, b.err }

// Open implements core.Sealer.
func (b broken) Open(_, _ []byte) ([]byte, error) { return nil, b.err }
