package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/storetest"
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) core.Store { return open(t, filepath.Join(t.TempDir(), "x.db")) })
}

func TestDurable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new folder", "x.db")
	var last *Store
	storetest.RunDurable(t, func(t *testing.T) core.Store {
		if last != nil {
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
		}
		last = open(t, path)
		return last
	})
}

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	open(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestNewerFileIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "newer Patchbay") {
		t.Errorf("got %v", err)
	}
}

func TestNoDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateToken(t.Context(), &core.Token{ID: "a", Hash: "b"}); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}

// A disk without room is an error of its own, breaks nothing, and passes.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	ctx := t.Context()
	limit := func(pages int) {
		t.Helper()
		err := s.writer.do(ctx, false, func(w *tx) error {
			var got int
			return w.row(fmt.Sprintf("PRAGMA max_page_count = %d", pages), nil, &got)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	e := &core.Execution{ID: "e", PipelineID: "p"}
	must(s.CreateExecution(ctx, e))
	limit(1) // SQLite takes the present size instead: there is room for nothing more
	e.Reason = strings.Repeat("x", 1<<20)
	if err := s.UpdateExecution(ctx, e); core.CodeOf(err) != core.CodeUnavailable {
		t.Fatalf("got %v", err)
	}
	if e.Version != 1 {
		t.Errorf("version %d after a failed update", e.Version)
	}
	limit(1 << 30)
	must(s.UpdateExecution(ctx, e))
	got, err := s.Execution(ctx, "e")
	must(err)
	if got.Version != 2 || len(got.Reason) != 1<<20 {
		t.Errorf("version %d, %d bytes", got.Version, len(got.Reason))
	}
}

func newExecution(pipeline string) *core.Execution {
	return &core.Execution{ID: uuid.Must(uuid.NewV7()).String(), PipelineID: pipeline, PipelineName: "p", Revision: 1,
		Status: core.StatusPending, CreatedAt: time.Now().UTC()}
}

// BenchmarkExecutions writes what one execution of one step writes, from many
// goroutines.
func BenchmarkExecutions(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "x.db"))
	ctx := context.Background()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e := newExecution("p")
			step := &core.StepRun{ExecutionID: e.ID, Name: "n"}
			for _, write := range []func() error{
				func() error { return s.CreateExecution(ctx, e) },
				func() error { return s.UpdateExecution(ctx, e) },
				func() error { return s.SaveStepRun(ctx, step) },
				func() error { return s.SaveStepRun(ctx, step) },
				func() error { return s.UpdateExecution(ctx, e) },
			} {
				if err := write(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkFirstPage reads the first page of 100,000 executions.
func BenchmarkFirstPage(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "x.db"))
	ctx := context.Background()
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			for range 100_000 / 64 {
				if err := s.CreateExecution(ctx, newExecution(fmt.Sprint(i%10))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	for _, filter := range []core.ExecutionFilter{{}, {PipelineID: "3"}, {Statuses: []core.Status{core.StatusPending}}} {
		b.Run(fmt.Sprintf("pipeline=%q statuses=%v", filter.PipelineID, filter.Statuses), func(b *testing.B) {
			for b.Loop() {
				if list, err := s.Executions(ctx, filter); err != nil || len(list) != core.DefaultPageLimit {
					b.Fatalf("%d, %v", len(list), err)
				}
			}
		})
	}
}
