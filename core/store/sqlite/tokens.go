package sqlite

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

// storedToken is a token with the hash that its JSON for users leaves out.
type storedToken struct {
	core.Token
	Hash string `json:"hash"`
}

// CreateToken implements core.TokenStore.
func (s *Store) CreateToken(ctx context.Context, t *core.Token) error {
	document, err := encode(storedToken{*t, t.Hash})
	if err != nil {
		return err
	}
	return s.writer.do(ctx, true, func(w *tx) error {
		err := w.exec("INSERT INTO tokens (hash, doc) VALUES (?, ?)", t.Hash, document)
		if taken(err) {
			return core.Conflict("token", t.ID)
		}
		return err
	})
}

// TokenByHash implements core.TokenStore.
func (s *Store) TokenByHash(ctx context.Context, hash string) (*core.Token, error) {
	stored, err := one[storedToken](ctx, s, core.NotFound("token", "with this hash"), "SELECT doc FROM tokens WHERE hash = ?", hash)
	if err != nil {
		return nil, err
	}
	stored.Token.Hash = stored.Hash
	return &stored.Token, nil
}

// CountTokens implements core.TokenStore.
func (s *Store) CountTokens(ctx context.Context) (int, error) {
	var n int
	err := s.reads.row(ctx, "SELECT count(*) FROM tokens", nil, &n)
	return n, translate(err)
}
