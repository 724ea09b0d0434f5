package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

// Also a file that was copied here readable for all, and the files beside it.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "x.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if err := s.CreateExecution(t.Context(), newExecution("p")); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]os.FileMode{}
	for _, name := range []string{"", "x.db", "x.db-wal", "x.db-shm"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got[name] = info.Mode().Perm()
	}
	want := map[string]os.FileMode{"": 0o700, "x.db": 0o600, "x.db-wal": 0o600, "x.db-shm": 0o600}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is promised to be on the disk is synced, what is not does not wait for it,
// also when they alternate and share a batch.
func TestSyncedAsPromised(t *testing.T) {
	t.Parallel()
	const normal, full = 1, 2
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	for i, batch := range [][]bool{{true}, {false}, {true}, {false}, {false}, {false, true}, {true, false}, {false}} {
		want, modes := normal, make([]int, len(batch))
		var changes []*write
		for j, durable := range batch {
			if durable {
				want = full
			}
			changes = append(changes, &write{durable: durable, done: make(chan error, 1),
				apply: func(w *tx) error { return w.row("PRAGMA synchronous", nil, &modes[j]) }})
		}
		// As the writer's goroutine does, which waits for its next batch meanwhile.
		s.writer.commit(changes)
		for j := range changes {
			if err := <-changes[j].done; err != nil || modes[j] != want {
				t.Errorf("batch %d, change %d: mode %d, %v; want %d", i, j, modes[j], err, want)
			}
		}
	}
}

// A change that is refused, or half of it that is, fails nobody else's in its batch.
func TestBatchOfStrangers(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	insert := func(ids ...string) *write {
		return &write{done: make(chan error, 1), apply: func(w *tx) error {
			for _, id := range ids {
				err := w.exec("INSERT INTO pipelines (id, version, doc) VALUES (?, 1, '{}')", id)
				if taken(err) {
					return core.Conflict("pipeline", id)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}}
	}
	broken := &write{done: make(chan error, 1), apply: func(*tx) error { return os.ErrInvalid }}
	batch := []*write{insert("a"), insert("b", "a"), broken, insert("c")}
	s.writer.commit(batch)
	var got []core.ErrorCode
	for _, change := range batch {
		got = append(got, core.CodeOf(<-change.done))
	}
	if diff := cmp.Diff([]core.ErrorCode{"", core.CodeConflict, core.CodeInternal, ""}, got); diff != "" {
		t.Error(diff)
	}
	list, err := s.Pipelines(t.Context(), core.Page{})
	if err != nil || len(list) != 2 {
		t.Errorf("%d pipelines, %v; want a and c", len(list), err)
	}
}

// Every list of executions walks an index in the order of its page: no sorting of
// what it does not show, and nothing inside documents is looked at.
func TestListsUseIndexes(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	for name, filter := range map[string]core.ExecutionFilter{
		"all":             {},
		"after":           {Page: core.Page{After: "x"}},
		"pipeline":        {PipelineID: "p", Page: core.Page{After: "x"}},
		"status":          {Statuses: []core.Status{core.StatusFailed}},
		"status of one":   {PipelineID: "p", Statuses: []core.Status{core.StatusFailed}, Page: core.Page{After: "x"}},
		"statuses":        {Statuses: []core.Status{core.StatusFailed, core.StatusSuccess}},
		"statuses of one": {PipelineID: "p", Statuses: core.Statuses(), Page: core.Page{After: "x"}},
	} {
		if _, err := s.Executions(t.Context(), filter); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.PendingNotifications(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if _, err := s.Notifications(t.Context(), "e"); err != nil {
		t.Error(err)
	}
	for query := range s.reads.prepared {
		if strings.Contains(query, "json") {
			t.Errorf("%s", query)
		}
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
			scan := (strings.HasPrefix(detail, "SCAN executions") || strings.HasPrefix(detail, "SCAN notifications")) && strings.Contains(query, "WHERE")
			if scan || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s\n%s", query, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
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
		t.Errorf("write: got %v", err)
	}
	if err := s.Ping(t.Context()); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("read: got %v", err)
	}
}

// What was acknowledged, and what waits for its turn when the store closes, is kept.
func TestCloseDrains(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	var taken atomic.Int64
	var group sync.WaitGroup
	begun := make(chan struct{}, 64)
	for range cap(begun) {
		group.Go(func() {
			for {
				err := s.CreateExecution(context.Background(), newExecution("p"))
				if core.CodeOf(err) == core.CodeUnavailable {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if taken.Add(1) <= int64(cap(begun)) {
					begun <- struct{}{}
				}
			}
		})
	}
	for range cap(begun) {
		<-begun
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	e := newExecution("p")
	if err := open(t, path).CreateExecution(t.Context(), e); err != nil || e.Number != taken.Load()+1 {
		t.Errorf("%d were acknowledged, the next is number %d, %v", taken.Load(), e.Number, err)
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
	for _, filter := range []core.ExecutionFilter{{}, {PipelineID: "3"}, {Statuses: []core.Status{core.StatusPending}},
		{PipelineID: "3", Statuses: core.Statuses()}} {
		b.Run(fmt.Sprintf("pipeline=%q statuses=%v", filter.PipelineID, filter.Statuses), func(b *testing.B) {
			for b.Loop() {
				if list, err := s.Executions(ctx, filter); err != nil || len(list) != core.DefaultPageLimit {
					b.Fatalf("%d, %v", len(list), err)
				}
			}
		})
	}
}
