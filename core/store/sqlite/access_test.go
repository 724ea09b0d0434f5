package sqlite

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// A token from before there were users is found by its ID, and can be revoked.
func TestOldTokensAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Join(migrations[:2], "") + "PRAGMA user_version = 2;" +
		`INSERT INTO tokens (hash, doc) VALUES ('h', CAST('{"id":"t1","name":"admin","created_at":"2026-01-02T03:04:05Z","hash":"h"}' AS BLOB));`
	if _, err := db.Exec(old); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	at := time.Now()
	if err := s.RevokeToken(t.Context(), "t1", at); err != nil {
		t.Fatal(err)
	}
	token, err := s.TokenByHash(t.Context(), "h")
	if err != nil || token.ID != "t1" || token.Name != "admin" || token.RevokedAt == nil {
		t.Errorf("%+v, %v", token, err)
	}
	if list, err := s.Tokens(t.Context(), "", core.Page{}); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// What each request asks for, and what lists ask for, comes off an index in its order.
func TestAccessUsesIndexes(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	ctx := t.Context()
	_, _ = s.User(ctx, "none")
	_, _ = s.UserByName(ctx, "none")
	_, _ = s.UserByIdentity(ctx, "none", "none")
	_, _ = s.Users(ctx, core.Page{})
	_, _ = s.Grants(ctx, "none")
	_, _ = s.Token(ctx, "none")
	_, _ = s.TokenByHash(ctx, "none")
	_, _ = s.Tokens(ctx, "", core.Page{})
	_, _ = s.Tokens(ctx, "none", core.Page{})
	_, _ = s.Session(ctx, "none")
	_, _ = s.SessionByFamily(ctx, "none")
	_, _ = s.Sessions(ctx, "none", core.Page{})
	for _, filter := range []core.AuditFilter{{}, {Who: "a"}, {Action: "a"}, {Target: "a"}, {Who: "a", Action: "b", Target: "c"}} {
		_, _ = s.Audit(ctx, filter)
	}
	if len(s.reads.prepared) != 17 {
		t.Errorf("%d queries", len(s.reads.prepared))
	}
	for query := range s.reads.prepared {
		rows, err := s.reads.db.Query("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN") || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s\n%s", query, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
