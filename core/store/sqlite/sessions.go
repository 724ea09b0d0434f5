package sqlite

import (
	"context"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// storedSession is a session with the hashes that its JSON for users leaves out.
type storedSession struct {
	core.Session
	FamilyHash  string `json:"family_hash"`
	RefreshHash string `json:"refresh_hash"`
}

func (s *storedSession) session() *core.Session {
	s.Session.FamilyHash, s.Session.RefreshHash = s.FamilyHash, s.RefreshHash
	return &s.Session
}

func encodeSession(session *core.Session) ([]byte, error) {
	return encode(storedSession{*session, session.FamilyHash, session.RefreshHash})
}

// CreateSession implements core.SessionStore.
func (s *Store) CreateSession(ctx context.Context, session *core.Session) error {
	stored := *session
	stored.Version = 1
	document, err := encodeSession(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, true, func(t *tx) error {
		err := t.exec("INSERT INTO sessions (id, user_id, family, expires_at, version, doc) VALUES (?, ?, ?, ?, 1, ?)",
			stored.ID, stored.UserID, stored.FamilyHash, stored.ExpiresAt.UnixMicro(), document)
		if taken(err) {
			return core.Conflict("session", stored.ID)
		}
		return err
	})
	if err == nil {
		session.Version = 1
	}
	return err
}

// UpdateSession implements core.SessionStore.
func (s *Store) UpdateSession(ctx context.Context, session *core.Session) error {
	err := s.writer.do(ctx, true, func(t *tx) error { return t.putSession(session) })
	if err == nil {
		session.Version++
	}
	return err
}

// putSession stores session if the stored version is still its own.
func (t *tx) putSession(session *core.Session) error {
	stored := *session
	stored.Version++
	document, err := encodeSession(&stored)
	if err != nil {
		return err
	}
	changed, err := t.change("UPDATE sessions SET expires_at = ?, version = ?, doc = ? WHERE id = ? AND version = ?",
		stored.ExpiresAt.UnixMicro(), stored.Version, document, stored.ID, session.Version)
	if err == nil && changed == 0 {
		err = t.whyNot("SELECT count(*) FROM sessions WHERE id = ?", "session", stored.ID)
	}
	return err
}

// Session implements core.SessionStore.
func (s *Store) Session(ctx context.Context, id string) (*core.Session, error) {
	return s.oneSession(ctx, core.NotFound("session", id), "SELECT doc FROM sessions WHERE id = ?", id)
}

// SessionByFamily implements core.SessionStore.
func (s *Store) SessionByFamily(ctx context.Context, familyHash string) (*core.Session, error) {
	return s.oneSession(ctx, core.NotFound("session", "of this token"), "SELECT doc FROM sessions WHERE family = ?", familyHash)
}

func (s *Store) oneSession(ctx context.Context, missing *core.Error, query, key string) (*core.Session, error) {
	stored, err := one[storedSession](ctx, s, missing, query, key)
	if err != nil {
		return nil, err
	}
	return stored.session(), nil
}

// Sessions implements core.SessionStore.
func (s *Store) Sessions(ctx context.Context, userID string, p core.Page) ([]*core.Session, error) {
	stored, err := many[storedSession](ctx, s, "SELECT doc FROM sessions WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
		userID, before(p), limitOf(p))
	if err != nil {
		return nil, err
	}
	list := make([]*core.Session, len(stored))
	for i := range stored {
		list[i] = stored[i].session()
	}
	return list, nil
}

// RevokeSessions implements core.SessionStore.
func (s *Store) RevokeSessions(ctx context.Context, userID, except string, at time.Time, reason string) (int, error) {
	n := 0
	err := s.writer.do(ctx, true, func(t *tx) error {
		n = 0 // a batch that failed is tried again
		open, err := t.documents("SELECT doc FROM sessions WHERE user_id = ? AND id <> ?", userID, except)
		if err != nil {
			return err
		}
		for _, document := range open {
			stored, err := decode[storedSession](document)
			if err != nil {
				return err
			}
			session := stored.session()
			if session.RevokedAt != nil {
				continue
			}
			session.RevokedAt, session.RevokeReason = &at, reason
			if err := t.putSession(session); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// documents reads all rows before any is changed.
func (t *tx) documents(query string, args ...any) ([][]byte, error) {
	statement, err := t.statement(query)
	if err != nil {
		return nil, err
	}
	rows, err := statement.QueryContext(context.Background(), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list [][]byte
	for rows.Next() {
		var document []byte
		if err := rows.Scan(&document); err != nil {
			return nil, err
		}
		list = append(list, document)
	}
	return list, rows.Err()
}

// DeleteSessions implements core.SessionStore.
func (s *Store) DeleteSessions(ctx context.Context, before time.Time) (int, error) {
	return s.deleteMany(ctx, "DELETE FROM sessions WHERE expires_at < ?", before.UnixMicro())
}

// deleteMany runs a DELETE and returns how many rows it removed.
func (s *Store) deleteMany(ctx context.Context, query string, args ...any) (int, error) {
	var n int64
	err := s.writer.do(ctx, true, func(t *tx) error {
		var err error
		n, err = t.change(query, args...)
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}
