package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

const executionID = "0193-execution"

func open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openLog(t testing.TB, s *Store) core.LogWriter {
	t.Helper()
	w, err := s.OpenLog(context.Background(), executionID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func record(step int, stream core.LogStream, offset int64, data string) core.LogRecord {
	return core.LogRecord{Time: time.Unix(1, 2).UTC(), Step: step, Attempt: 1, Stream: stream, Offset: offset, Data: []byte(data)}
}

func appendAll(t testing.TB, w core.LogWriter, records ...core.LogRecord) {
	t.Helper()
	for _, r := range records {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
}

// said is what a log has, as "step/stream:data".
func said(t testing.TB, s *Store, from core.Cursor) (words []string, cursors []core.Cursor) {
	t.Helper()
	err := s.Read(context.Background(), executionID, from, func(r core.LogRecord, c core.Cursor) error {
		words = append(words, fmt.Sprintf("%d/%s:%s", r.Step, r.Stream, r.Data))
		cursors = append(cursors, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return words, cursors
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	want := []core.LogRecord{record(0, core.StreamStdout, 0, "a\n"), record(-1, core.StreamSystem, 0, "words\n"),
		record(7, core.StreamStderr, 0, "\x00\xff"), record(0, core.StreamStdout, 2, "b")}
	appendAll(t, w, want...)
	var got []core.LogRecord
	err := s.Read(t.Context(), executionID, 0, func(r core.LogRecord, _ core.Cursor) error {
		r.Data = bytes.Clone(r.Data)
		got = append(got, r)
		return nil
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got := w.Offsets(0, 1); got != (core.LogOffsets{Stdout: 3}) {
		t.Errorf("offsets %+v", got)
	}
}

func TestWhatIsStoredIsDropped(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	appendAll(t, w, record(0, core.StreamStdout, 0, "abc"), record(0, core.StreamStdout, 0, "ab"),
		record(0, core.StreamStdout, 1, "bcde"), record(0, core.StreamStderr, 0, "x"))
	words, _ := said(t, s, 0)
	if diff := cmp.Diff([]string{"0/stdout:abc", "0/stdout:de", "0/stderr:x"}, words); diff != "" {
		t.Error(diff)
	}
	if err := w.Append(record(0, core.StreamStdout, 6, "gap")); err == nil || !strings.Contains(err.Error(), "gap") {
		t.Errorf("a gap was taken: %v", err)
	}
}

func TestEveryCursorResumes(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.segmentSize = 100 // several segments
	w := openLog(t, s)
	for i := range 20 {
		appendAll(t, w, record(i, core.StreamStdout, 0, strings.Repeat("x", i)+"\n"))
	}
	all, cursors := said(t, s, 0)
	for i, c := range cursors {
		rest, _ := said(t, s, c)
		if diff := cmp.Diff(len(all[i+1:]), len(rest)); diff != "" {
			t.Fatalf("from record %d: %s", i, diff)
		}
		for j, word := range rest {
			if word != all[i+1+j] {
				t.Fatalf("from record %d: %q, want %q", i, word, all[i+1+j])
			}
		}
	}
	if list, _ := filepath.Glob(filepath.Join(s.dir, "*", executionID, "*")); len(list) < 5 {
		t.Errorf("only %d segments", len(list))
	}
}

// However a crash cuts the last record, the log goes on where it was whole.
func TestTornAnywhere(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	appendAll(t, w, record(0, core.StreamStdout, 0, "first\n"))
	path := segmentPath(filepath.Join(s.dir, "on", executionID), 0)
	whole, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, w, record(0, core.StreamStdout, 6, strings.Repeat("second\n", 20)))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := whole.Size(); cut < int64(len(content)); cut++ {
		if err := os.WriteFile(path, content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := s.OpenLog(t.Context(), executionID)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if got := w.Offsets(0, 1).Stdout; got != 6 {
			t.Fatalf("cut at %d: %d bytes", cut, got)
		}
		appendAll(t, w, record(0, core.StreamStdout, 6, "2\n")) // shorter than what was cut
		w.Close()
		if words, _ := said(t, s, 0); len(words) != 2 || words[1] != "0/stdout:2\n" {
			t.Fatalf("cut at %d: %q", cut, words)
		}
	}
}

// Whoever follows, from when on and however slowly, gets every byte once.
func TestFollowersOfConcurrentSteps(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.segmentSize = 10_000
	const steps, lines, followers = 4, 300, 8
	want := map[int]string{}
	for step := range steps {
		for line := range lines {
			want[step] += fmt.Sprintf("line %d of step %d\n", line, step)
		}
	}
	var group sync.WaitGroup
	for f := range followers {
		group.Go(func() {
			got := map[int]string{}
			err := s.Follow(t.Context(), executionID, 0, func(r core.LogRecord, _ core.Cursor) error {
				got[r.Step] += string(r.Data)
				if f == 0 && rand.IntN(50) == 0 {
					time.Sleep(time.Millisecond) // a slow one
				}
				return nil
			})
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("follower %d: %v\n%.500s", f, err, diff)
			}
		})
	}
	w := openLog(t, s)
	var writers sync.WaitGroup
	for step := range steps {
		writers.Go(func() {
			text := want[step]
			for at := 0; at < len(text); {
				n := min(len(text)-at, 1+rand.IntN(200))
				if err := w.Append(record(step, core.StreamStdout, int64(at), text[at:at+n])); err != nil {
					t.Error(err)
					return
				}
				at += n
			}
		})
	}
	writers.Wait()
	if err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	late := map[int]string{}
	err := s.Follow(t.Context(), executionID, 0, func(r core.LogRecord, _ core.Cursor) error {
		late[r.Step] += string(r.Data)
		return nil
	})
	if diff := cmp.Diff(want, late); err != nil || diff != "" {
		t.Errorf("a late follower: %v\n%.500s", err, diff)
	}
	if len(s.live) != 1 || len(s.files.open) != 1 { // the writer's
		t.Errorf("%d logs are still watched, %d files open", len(s.live), len(s.files.open))
	}
}

func TestSealedLogsMayGoOn(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	appendAll(t, w, record(0, core.StreamStdout, 0, "a"))
	if err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	w = openLog(t, s)
	appendAll(t, w, record(0, core.StreamStdout, 1, "b"))
	if err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	var got string
	err := s.Follow(t.Context(), executionID, 0, func(r core.LogRecord, _ core.Cursor) error { got += string(r.Data); return nil })
	if err != nil || got != "ab" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Follow(ctx, executionID, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOddIDs(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, id := range []string{"", "a", "../../etc/passwd", "a/b/c", strings.Repeat("x", 200), "..",
		"x..", "a\x00b", "a b", "a\\b", "C:aux", "ä→b", ".hidden"} {
		if _, err := s.OpenLog(t.Context(), id); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("open %q: %v", id, err)
		}
		if err := s.Delete(t.Context(), id); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("delete %q: %v", id, err)
		}
		if err := s.Read(t.Context(), id, 0, nil); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("read %q: %v", id, err)
		}
		if err := s.Follow(t.Context(), id, 0, nil); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("follow %q: %v", id, err)
		}
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	appendAll(t, w, record(0, core.StreamStdout, 0, "a"))
	if err := s.Delete(t.Context(), executionID); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("a log that is being written: %v", err)
	}
	w.Close()
	for range 2 {
		if err := s.Delete(t.Context(), executionID); err != nil {
			t.Fatal(err)
		}
	}
	if words, _ := said(t, s, 0); len(words) != 0 {
		t.Errorf("still there: %q", words)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(appendRecord(nil, record(1, core.StreamStdout, 5, "data"), 1))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parseRecord(data)
		if err != nil {
			return
		}
		if p.size > int64(len(data)) {
			t.Fatalf("a record of %d bytes in %d", p.size, len(data))
		}
		if again := appendRecord(nil, p.record, data[30]); !bytes.Equal(again, data[:p.size]) {
			t.Fatal("it does not encode to what it was read from")
		}
	})
}

func BenchmarkAppendFollowed(b *testing.B) {
	s := open(b)
	w := openLog(b, s)
	done := make(chan error, 1)
	go func() {
		done <- s.Follow(context.Background(), executionID, 0, func(core.LogRecord, core.Cursor) error { return nil })
	}()
	chunk := string(bytes.Repeat([]byte("a line of output\n"), 3855)) // about 64 KiB
	b.SetBytes(int64(len(chunk)))
	for i := 0; b.Loop(); i++ {
		appendAll(b, w, record(0, core.StreamStdout, int64(i*len(chunk)), chunk))
	}
	if err := w.Seal(); err != nil {
		b.Fatal(err)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
