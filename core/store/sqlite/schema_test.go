package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// A file of every schema before this one opens, with what is in it.
func TestOlderFilesOpen(t *testing.T) {
	t.Parallel()
	for version := 1; version < len(migrations); version++ {
		t.Run(fmt.Sprint("schema ", version), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.db")
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			old := strings.Join(migrations[:version], "") + fmt.Sprintf("PRAGMA user_version = %d;", version) +
				`INSERT INTO pipelines (id, version, doc) VALUES ('a', 1, '{"id":"a","name":"kept","version":1}');`
			if _, err := db.Exec(old); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time there is nothing left to bring up to date
				s := open(t, path)
				p, err := s.Pipeline(t.Context(), "a")
				if err != nil || p.Name != "kept" {
					t.Fatalf("%+v, %v", p, err)
				}
				if err := s.PutCache(t.Context(), &core.CacheEntry{ID: "c", Key: "k", UsedAt: time.Now()}); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What is looked up among many artifacts, caches, secrets and settings comes off an
// index, in its order; only the newest of a prefix's caches is found by comparing.
func TestLookupsUseIndexes(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	ctx := t.Context()
	_, _ = s.Secret(ctx, "", "none")
	_, _ = s.Secrets(ctx, "")
	_, _ = s.Setting(ctx, "none")
	_, _ = s.Artifact(ctx, "none")
	_, _ = s.Artifacts(ctx, "none")
	_, _ = s.ExpiredArtifacts(ctx, time.Now(), 1)
	_, _ = s.CacheByKey(ctx, "p", "none")
	_, _ = s.CacheByPrefix(ctx, "p", "none")
	_, _ = s.Caches(ctx, 1)
	if len(s.reads.prepared) != 9 {
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
			scan := strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "USING INDEX")
			sort := strings.Contains(detail, "TEMP B-TREE") && !strings.Contains(query, "key >=")
			if scan || sort {
				t.Errorf("%s\n%s", query, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
