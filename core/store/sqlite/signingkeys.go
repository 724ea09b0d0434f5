package sqlite

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

// storedSigningKey is a key with the private part that its JSON for users leaves out.
type storedSigningKey struct {
	core.SigningKey
	Sealed []byte `json:"sealed"`
}

// CreateSigningKey implements core.SigningKeyStore.
func (s *Store) CreateSigningKey(ctx context.Context, k *core.SigningKey) error {
	document, err := encode(storedSigningKey{*k, k.Sealed})
	if err != nil {
		return err
	}
	return s.writer.do(ctx, true, func(t *tx) error {
		err := t.exec("INSERT INTO signing_keys (id, doc) VALUES (?, ?)", k.ID, document)
		if taken(err) {
			return core.Conflict("signing key", k.ID)
		}
		return err
	})
}

// SigningKeys implements core.SigningKeyStore.
func (s *Store) SigningKeys(ctx context.Context) ([]*core.SigningKey, error) {
	stored, err := many[storedSigningKey](ctx, s, "SELECT doc FROM signing_keys ORDER BY id DESC")
	if err != nil {
		return nil, err
	}
	list := make([]*core.SigningKey, len(stored))
	for i := range stored {
		stored[i].SigningKey.Sealed = stored[i].Sealed
		list[i] = &stored[i].SigningKey
	}
	return list, nil
}

// DeleteSigningKey implements core.SigningKeyStore.
func (s *Store) DeleteSigningKey(ctx context.Context, id string) error {
	return s.writer.do(ctx, true, func(t *tx) error { return t.exec("DELETE FROM signing_keys WHERE id = ?", id) })
}
