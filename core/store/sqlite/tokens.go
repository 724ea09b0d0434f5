package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// storedToken is a token with the hash that its JSON for users leaves out.
type storedToken struct {
	core.Token
	Hash string `json:"hash"`
}

func (t *storedToken) token() *core.Token {
	t.Token.Hash = t.Hash
	return &t.Token
}

// CreateToken implements core.TokenStore.
func (s *Store) CreateToken(ctx context.Context, t *core.Token) error {
	document, err := encode(storedToken{*t, t.Hash})
	if err != nil {
		return err
	}
	return s.writer.do(ctx, true, func(w *tx) error {
		err := w.exec("INSERT INTO tokens (hash, id, user_id, doc) VALUES (?, ?, ?, ?)", t.Hash, t.ID, t.UserID, document)
		if taken(err) {
			return core.Conflict("token", t.ID)
		}
		return err
	})
}

// Token implements core.TokenStore.
func (s *Store) Token(ctx context.Context, id string) (*core.Token, error) {
	return s.oneToken(ctx, core.NotFound("token", id), "SELECT doc FROM tokens WHERE id = ?", id)
}

// TokenByHash implements core.TokenStore.
func (s *Store) TokenByHash(ctx context.Context, hash string) (*core.Token, error) {
	return s.oneToken(ctx, core.NotFound("token", "with this hash"), "SELECT doc FROM tokens WHERE hash = ?", hash)
}

func (s *Store) oneToken(ctx context.Context, missing *core.Error, query, key string) (*core.Token, error) {
	stored, err := one[storedToken](ctx, s, missing, query, key)
	if err != nil {
		return nil, err
	}
	return stored.token(), nil
}

// Tokens implements core.TokenStore.
func (s *Store) Tokens(ctx context.Context, userID string, p core.Page) ([]*core.Token, error) {
	query, args := "SELECT doc FROM tokens WHERE id < ?", []any{before(p)}
	if userID != "" {
		query, args = "SELECT doc FROM tokens WHERE user_id = ? AND id < ?", []any{userID, before(p)}
	}
	stored, err := many[storedToken](ctx, s, query+" ORDER BY id DESC LIMIT ?", append(args, limitOf(p))...)
	if err != nil {
		return nil, err
	}
	list := make([]*core.Token, len(stored))
	for i := range stored {
		list[i] = stored[i].token()
	}
	return list, nil
}

// before is what the IDs of a page come before: for the first one, more than any text.
func before(p core.Page) any {
	if p.After == "" {
		return []byte{} // SQLite orders every text before every blob
	}
	return p.After
}

// RevokeToken implements core.TokenStore.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return s.changeToken(ctx, id, true, func(t *core.Token) error {
		if t.RevokedAt != nil {
			return core.Conflict("token", id)
		}
		t.RevokedAt = &at
		return nil
	})
}

// TouchToken implements core.TokenStore. It is not synced: a power failure may undo it.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	return s.changeToken(ctx, id, false, func(t *core.Token) error {
		t.LastUsedAt = &at
		return nil
	})
}

func (s *Store) changeToken(ctx context.Context, id string, durable bool, change func(*core.Token) error) error {
	return s.writer.do(ctx, durable, func(t *tx) error {
		var data []byte
		err := t.row("SELECT doc FROM tokens WHERE id = ?", []any{id}, &data)
		if errors.Is(err, sql.ErrNoRows) {
			return core.NotFound("token", id)
		}
		if err != nil {
			return err
		}
		stored, err := decode[storedToken](data)
		if err != nil {
			return err
		}
		if err := change(&stored.Token); err != nil {
			return err
		}
		if data, err = encode(stored); err != nil {
			return err
		}
		return t.exec("UPDATE tokens SET doc = ? WHERE id = ?", data, id)
	})
}

// CountTokens implements core.TokenStore.
func (s *Store) CountTokens(ctx context.Context) (int, error) {
	var n int
	err := s.reads.row(ctx, "SELECT count(*) FROM tokens", nil, &n)
	return n, translate(err)
}
