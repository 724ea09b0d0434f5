package sqlite

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateUser implements core.UserStore.
func (s *Store) CreateUser(ctx context.Context, u *core.User) error {
	stored := *u
	stored.Version = 1
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, true, func(t *tx) error {
		err := t.exec("INSERT INTO users (id, name, version, doc) VALUES (?, ?, 1, ?)", u.ID, u.Name, document)
		if taken(err) {
			return core.Conflict("user", u.Name)
		}
		if err != nil {
			return err
		}
		return t.putIdentities(u)
	})
	if err == nil {
		u.Version = 1
	}
	return err
}

// putIdentities makes the rows of a user's identities those that they have now.
func (t *tx) putIdentities(u *core.User) error {
	if err := t.exec("DELETE FROM identities WHERE user_id = ?", u.ID); err != nil {
		return err
	}
	for _, identity := range u.Identities {
		err := t.exec("INSERT INTO identities (provider, subject, user_id) VALUES (?, ?, ?)", identity.Provider, identity.Subject, u.ID)
		if taken(err) {
			return core.Conflict("user", u.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// UpdateUser implements core.UserStore.
func (s *Store) UpdateUser(ctx context.Context, u *core.User) error {
	stored := *u
	stored.Version++
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, true, func(t *tx) error {
		changed, err := t.change("UPDATE users SET name = ?, version = ?, doc = ? WHERE id = ? AND version = ?",
			u.Name, stored.Version, document, u.ID, u.Version)
		if taken(err) {
			return core.Conflict("user", u.Name)
		}
		if err != nil {
			return err
		}
		if changed == 0 {
			return t.whyNot("SELECT count(*) FROM users WHERE id = ?", "user", u.ID)
		}
		return t.putIdentities(u)
	})
	if err == nil {
		u.Version = stored.Version
	}
	return err
}

// DeleteUser implements core.UserStore.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	return s.writer.do(ctx, true, func(t *tx) error {
		if err := t.remove(core.NotFound("user", id), "DELETE FROM users WHERE id = ?", id); err != nil {
			return err
		}
		for _, table := range []string{"identities", "grants", "sessions", "tokens"} {
			if err := t.exec("DELETE FROM "+table+" WHERE user_id = ?", id); err != nil {
				return err
			}
		}
		return nil
	})
}

// User implements core.UserStore.
func (s *Store) User(ctx context.Context, id string) (*core.User, error) {
	return one[core.User](ctx, s, core.NotFound("user", id), "SELECT doc FROM users WHERE id = ?", id)
}

// UserByName implements core.UserStore.
func (s *Store) UserByName(ctx context.Context, name string) (*core.User, error) {
	return one[core.User](ctx, s, core.NotFound("user", name), "SELECT doc FROM users WHERE name = ?", name)
}

// UserByIdentity implements core.UserStore.
func (s *Store) UserByIdentity(ctx context.Context, provider, subject string) (*core.User, error) {
	return one[core.User](ctx, s, core.NotFound("user", subject),
		"SELECT doc FROM users WHERE id = (SELECT user_id FROM identities WHERE provider = ? AND subject = ?)", provider, subject)
}

// Users implements core.UserStore.
func (s *Store) Users(ctx context.Context, p core.Page) ([]*core.User, error) {
	return many[core.User](ctx, s, "SELECT doc FROM users WHERE id < ? ORDER BY id DESC LIMIT ?", before(p), limitOf(p))
}

// PutGrant implements core.UserStore.
func (s *Store) PutGrant(ctx context.Context, g *core.Grant) error {
	document, err := encode(g)
	if err != nil {
		return err
	}
	return s.writer.do(ctx, true, func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO grants (user_id, pipeline_id, doc) VALUES (?, ?, ?)", g.UserID, g.PipelineID, document)
	})
}

// Grants implements core.UserStore.
func (s *Store) Grants(ctx context.Context, userID string) ([]*core.Grant, error) {
	return many[core.Grant](ctx, s, "SELECT doc FROM grants WHERE user_id = ? ORDER BY pipeline_id", userID)
}

// DeleteGrant implements core.UserStore.
func (s *Store) DeleteGrant(ctx context.Context, userID, pipelineID string) error {
	return s.writer.do(ctx, true, func(t *tx) error {
		return t.remove(core.NotFound("grant on pipeline", pipelineID), "DELETE FROM grants WHERE user_id = ? AND pipeline_id = ?", userID, pipelineID)
	})
}
