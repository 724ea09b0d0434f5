package logs

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// The tail of a log is what reading it from the beginning shows last, whatever the
// sizes of its records and wherever its segments end.
func TestTailIsTheEndOfTheLog(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]func() int{
		"short records": func() int { return 1 + rand.IntN(60) },
		"long records":  func() int { return maxRecord - rand.IntN(1000) },
		"all sizes":     func() int { return 1 + rand.IntN(maxRecord) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			s.segmentSize = 200 << 10
			w, err := s.OpenLog(t.Context(), "execution")
			if err != nil {
				t.Fatal(err)
			}
			// What a step prints looks like records: they must not be taken for some.
			forged := strings.Repeat(string(appendRecord(nil, core.LogRecord{Stream: core.StreamStdout, Data: []byte("forged")}, 1)), 2000)
			cursors := []core.Cursor{0}
			offset := int64(0)
			for offset < 600<<10 {
				text := forged[:size()]
				if err := w.Append(core.LogRecord{Stream: core.StreamStdout, Attempt: 1, Offset: offset, Data: []byte(text)}); err != nil {
					t.Fatal(err)
				}
				offset += int64(len(text))
			}
			err = s.Read(t.Context(), "execution", 0, func(_ core.LogRecord, c core.Cursor) error {
				cursors = append(cursors, c)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			check := func(state string) {
				last := cursors[len(cursors)-1]
				for range 50 {
					bytes := 1 + rand.Int64N(int64(last)+1000)
					want := core.Cursor(0)
					for _, c := range cursors {
						if want = c; int64(last-c) <= bytes {
							break
						}
					}
					if got, err := s.Tail(t.Context(), "execution", bytes); err != nil || got != want {
						t.Fatalf("%s: the last %d bytes begin at %d, want %d: %v", state, bytes, got, want, err)
					}
				}
			}
			check("being written")
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			check("closed")
		})
	}
}

func TestTailOfNothing(t *testing.T) {
	t.Parallel()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Tail(t.Context(), "execution", 10); c != 0 || err != nil {
		t.Errorf("without a log: %d, %v", c, err)
	}
	if _, err := s.Tail(t.Context(), "../x", 10); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("without an ID: %v", err)
	}
}

// What is damaged is said by who reads, and a tail of it is still a place to read from.
func TestTailOfADamagedLog(t *testing.T) {
	t.Parallel()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.OpenLog(t.Context(), "execution")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		text := fmt.Sprintf("line %2d\n", i)
		if err := w.Append(core.LogRecord{Stream: core.StreamStdout, Attempt: 1, Offset: int64(i * len(text)), Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	folder, err := s.folder("execution")
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.files.acquire(segmentPath(folder, 0), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xff, 0xff, 0xff, 0xff}, 10*40); err != nil { // the length of record 10
		t.Fatal(err)
	}
	if err := s.files.release(f); err != nil {
		t.Fatal(err)
	}
	c, err := s.Tail(t.Context(), "execution", 1000)
	if err != nil || c != 400 {
		t.Fatalf("the tail begins at %d: %v", c, err)
	}
	if err := s.Read(t.Context(), "execution", c, func(core.LogRecord, core.Cursor) error { return nil }); err == nil {
		t.Error("reading says nothing of the damage")
	}
}
