package logs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
)

// A thousand who follow one log get all of it, and while they wait they hold
// neither a file nor a buffer.
func TestManyFollowers(t *testing.T) {
	t.Parallel()
	const followers, lines = 1000, 20
	s := open(t)
	s.segmentSize = 500 // rolled while it is followed
	var started, seen, ended sync.WaitGroup
	var bytes atomic.Int64
	started.Add(followers)
	seen.Add(followers)
	for range followers {
		ended.Go(func() {
			started.Done()
			records := 0
			err := s.Follow(t.Context(), executionID, 0, func(r core.LogRecord, _ core.Cursor) error {
				bytes.Add(int64(len(r.Data)))
				if records++; records == lines {
					seen.Done()
				}
				return nil
			})
			if err != nil || records != lines {
				t.Errorf("%d records, %v", records, err)
			}
		})
	}
	started.Wait()
	w := openLog(t, s)
	for i := range lines {
		appendAll(t, w, record(0, core.StreamStdout, int64(i*50), strings.Repeat("x", 50)))
	}
	seen.Wait() // also what the last one has seen came before the seal
	if err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	ended.Wait()
	if got := bytes.Load(); got != followers*lines*50 {
		t.Errorf("%d bytes in all", got)
	}
	if len(s.files.open) != 1 {
		t.Errorf("%d files are open, want the writer's", len(s.files.open))
	}
}

// What is appended is given to a follower who waits before anything else happens.
func TestFollowIsLive(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	got, ended := make(chan string), make(chan error, 1)
	go func() {
		ended <- s.Follow(ctx, executionID, 0, func(r core.LogRecord, _ core.Cursor) error {
			got <- string(r.Data)
			return nil
		})
	}()
	w := openLog(t, s)
	for i := range 5 {
		word := fmt.Sprintf("word %d", i)
		appendAll(t, w, record(-1, core.StreamSystem, 0, word))
		if heard := <-got; heard != word {
			t.Fatalf("%q, want %q", heard, word)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFollowerStops(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	appendAll(t, w, record(0, core.StreamStdout, 0, "a"), record(0, core.StreamStdout, 1, "b"))
	stop := errors.New("enough")
	calls := 0
	err := s.Follow(t.Context(), executionID, 0, func(core.LogRecord, core.Cursor) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// Cursors come back from browsers: what this log did not give is refused, rather
// than read as if it were a record.
func TestCursorsOfOthers(t *testing.T) {
	t.Parallel()
	s := open(t)
	if err := s.Follow(t.Context(), executionID, -1, nil); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("before there is a log: got %v", err)
	}
	w := openLog(t, s)
	appendAll(t, w, record(0, core.StreamStdout, 0, strings.Repeat("a", 100)), record(0, core.StreamStdout, 100, "b"))
	_, cursors := said(t, s, 0)
	for _, writing := range []bool{true, false} {
		if !writing {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for _, from := range []core.Cursor{-1, math.MinInt64, 1, cursors[0] - 1, cursors[1] + 1, math.MaxInt64} {
			err := s.Read(t.Context(), executionID, from, func(core.LogRecord, core.Cursor) error {
				t.Errorf("a record at %d", from)
				return nil
			})
			// Without a writer, half a record before the end is what a crash leaves.
			torn := err == nil && !writing && from == cursors[0]-1
			if core.CodeOf(err) != core.CodeInvalid && !torn {
				t.Errorf("from %d, writing %t: got %v", from, writing, err)
			}
		}
		if words, _ := said(t, s, cursors[1]); len(words) != 0 {
			t.Errorf("at the end: %q", words)
		}
	}
}

// What a broken or hostile connector may claim is refused.
func TestRecordsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	appendAll(t, w, record(0, core.StreamStdout, 0, "abc"))
	for name, r := range map[string]core.LogRecord{
		"stream 0":        {Attempt: 1, Data: []byte("x")},
		"the seal":        {Attempt: 1, Stream: sealRecord, Data: []byte("x")},
		"negative offset": {Attempt: 1, Stream: core.StreamStdout, Offset: -1, Data: []byte("x")},
		"least offset":    {Attempt: 1, Stream: core.StreamStdout, Offset: math.MinInt64, Data: []byte("x")},
		"most offset":     {Attempt: 1, Stream: core.StreamStderr, Offset: math.MaxInt64, Data: []byte("x")},
		"gap":             {Attempt: 1, Stream: core.StreamStdout, Offset: 4, Data: []byte("x")},
		"gap at first":    {Attempt: 2, Stream: core.StreamStdout, Offset: 1, Data: []byte("x")},
		"step":            {Step: -2, Stream: core.StreamSystem, Data: []byte("x")},
		"attempt":         {Attempt: 1 << 16, Stream: core.StreamSystem, Data: []byte("x")},
	} {
		if err := w.Append(r); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if words, _ := said(t, s, 0); len(words) != 1 {
		t.Errorf("stored: %q", words)
	}
}

func TestOneWriter(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	if _, err := s.OpenLog(t.Context(), executionID); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Append(record(0, core.StreamStdout, 0, "late")); err == nil {
		t.Error("a closed log took a record")
	}
	again := openLog(t, s)
	appendAll(t, again, record(0, core.StreamStdout, 0, "a"))
}

// A large append is stored in pieces, each with its offset and a cursor of its own.
func TestLargeAppends(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s)
	text := strings.Repeat("0123456789", 20_000)
	appendAll(t, w, record(0, core.StreamStdout, 0, text))
	var got string
	pieces := 0
	err := s.Read(t.Context(), executionID, 0, func(r core.LogRecord, _ core.Cursor) error {
		if r.Offset != int64(len(got)) || len(r.Data) > maxRecord {
			t.Errorf("%d bytes at %d, behind %d", len(r.Data), r.Offset, len(got))
		}
		got += string(r.Data)
		pieces++
		return nil
	})
	if err != nil || got != text || pieces != 4 {
		t.Errorf("%d bytes in %d pieces, %v", len(got), pieces, err)
	}
}

// BenchmarkExecutions makes the log of one execution with a few lines.
func BenchmarkExecutions(b *testing.B) {
	s := open(b)
	for b.Loop() {
		w, err := s.OpenLog(context.Background(), uuid.Must(uuid.NewV7()).String())
		if err != nil {
			b.Fatal(err)
		}
		appendAll(b, w, record(0, core.StreamStdout, 0, "a line\n"), record(-1, core.StreamSystem, 0, "ended\n"))
		if err := errors.Join(w.Seal(), w.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLines appends short lines that a hundred follow.
func BenchmarkLines(b *testing.B) {
	s := open(b)
	w := openLog(b, s)
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if err := s.Follow(context.Background(), executionID, 0, func(core.LogRecord, core.Cursor) error { return nil }); err != nil {
				b.Error(err)
			}
		})
	}
	line := strings.Repeat("x", 79) + "\n"
	b.SetBytes(80)
	for i := 0; b.Loop(); i++ {
		appendAll(b, w, record(0, core.StreamStdout, int64(80*i), line))
	}
	if err := w.Seal(); err != nil {
		b.Fatal(err)
	}
	group.Wait()
}

// A few followers hear of each line at once; many hear of it in bursts, and soon.
func TestCrowdPause(t *testing.T) {
	t.Parallel()
	for users, want := range map[int]time.Duration{
		1: 0, fewFollowers: 0, 1000: 1000 * followerPause, 1_000_000: maxCrowdPause,
	} {
		if got := open(t).crowd(&live{users: users}); got != want {
			t.Errorf("%d followers wait %s, want %s", users, got, want)
		}
	}
}
