package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// logFolder is where the segments of executionID are.
func logFolder(s *Store) string { return filepath.Join(s.dir, "on", executionID) }

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// segmented makes a log of several segments, closes it and returns their paths.
func segmented(t testing.TB) (*Store, []segment, []string) {
	t.Helper()
	s := open(t)
	s.segmentSize = 100
	w := openLog(t, s)
	for i := range 9 {
		appendAll(t, w, record(0, core.StreamStdout, int64(10*i), fmt.Sprintf("line no %d\n", i)))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := segments(logFolder(s))
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	words, _ := said(t, s, 0)
	return s, list, words
}

// However a crash cuts the last segment, also just when it was begun, the log goes
// on where it was whole.
func TestCutInTheLastSegment(t *testing.T) {
	t.Parallel()
	s, list, words := segmented(t)
	last := list[len(list)-1]
	whole := content(t, last.path)
	const size = headerSize + len("line no 0\n")
	for cut := range whole {
		write(t, last.path, whole[:cut])
		kept := 6 + cut/size
		if got, _ := said(t, s, 0); len(got) != kept { // a reader before the writer is back
			t.Fatalf("cut at %d: %d records are read, want %d", cut, len(got), kept)
		}
		w := openLog(t, s)
		if got := w.Offsets(0, 1).Stdout; got != int64(10*kept) {
			t.Fatalf("cut at %d: %d bytes are stored, want %d", cut, got, 10*kept)
		}
		for i := kept; i < len(words); i++ {
			appendAll(t, w, record(0, core.StreamStdout, int64(10*i), fmt.Sprintf("line no %d\n", i)))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, _ := said(t, s, 0)
		if diff := cmp.Diff(words, got); diff != "" {
			t.Fatalf("cut at %d: %s", cut, diff)
		}
	}
}

// A power failure may leave zeros where data was on its way, and the beginning of a
// segment without the end of the one before.
func TestPowerFailure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(t *testing.T, list []segment)
		want  int // records that are left
	}{
		"zeros behind the last record": {func(t *testing.T, list []segment) {
			write(t, list[2].path, append(content(t, list[2].path), make([]byte, 5000)...))
		}, 9},
		"zeros in the last record": {func(t *testing.T, list []segment) {
			b := content(t, list[2].path)
			write(t, list[2].path, append(append(b[:len(b)-5:len(b)-5], make([]byte, 5)...), make([]byte, 100)...))
		}, 8},
		"nothing but zeros": {func(t *testing.T, list []segment) { write(t, list[2].path, make([]byte, 4096)) }, 6},
		"a segment cut short": {func(t *testing.T, list []segment) {
			write(t, list[1].path, content(t, list[1].path)[:50])
		}, 4},
		"a segment cut between records": {func(t *testing.T, list []segment) {
			write(t, list[1].path, content(t, list[1].path)[:84])
		}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, list, words := segmented(t)
			test.spoil(t, list)
			w := openLog(t, s)
			if got := w.Offsets(0, 1).Stdout; got != int64(10*test.want) {
				t.Fatalf("%d bytes are stored, want %d", got, 10*test.want)
			}
			appendAll(t, w, record(0, core.StreamStdout, int64(10*test.want), "more"))
			got, _ := said(t, s, 0)
			if diff := cmp.Diff(append(words[:test.want:test.want], "0/stdout:more"), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDamageIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(t *testing.T, list []segment)
		want  string
	}{
		"a record": {func(t *testing.T, list []segment) {
			b := content(t, list[1].path)
			b[42+headerSize] ^= 1
			write(t, list[1].path, b)
		}, "126.log at byte 42: a record's checksum does not fit"},
		"a length": {func(t *testing.T, list []segment) {
			b := content(t, list[0].path)
			b[3] = 0xff
			write(t, list[0].path, b)
		}, "execution.log at byte 0: a record claims"},
		"no first segment": {func(t *testing.T, list []segment) {
			if err := os.Remove(list[0].path); err != nil {
				t.Fatal(err)
			}
		}, "the segments before this one are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, list, _ := segmented(t)
			test.spoil(t, list)
			err := s.Read(t.Context(), executionID, 0, func(core.LogRecord, core.Cursor) error { return nil })
			if core.CodeOf(err) != core.CodeInternal || !strings.Contains(err.Error(), test.want) {
				t.Errorf("read: got %v, want %s", err, test.want)
			}
			_, err = s.OpenLog(t.Context(), executionID)
			if core.CodeOf(err) != core.CodeInternal || !strings.Contains(err.Error(), test.want) {
				t.Errorf("open: got %v, want %s", err, test.want)
			}
			if len(s.live) != 0 || len(s.files.open) != 0 {
				t.Errorf("%d logs are still watched, %d files open", len(s.live), len(s.files.open))
			}
		})
	}
	t.Run("a hole", func(t *testing.T) {
		t.Parallel()
		s, list, _ := segmented(t)
		if err := os.Truncate(list[1].path, 50); err != nil {
			t.Fatal(err)
		}
		err := s.Read(t.Context(), executionID, 0, func(core.LogRecord, core.Cursor) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "126.log at byte 42: the segment ends before") {
			t.Errorf("got %v", err)
		}
	})
}

// A segment of any content is read to its end or to an error that names the place,
// and a log that can be opened goes on.
func FuzzSegment(f *testing.F) {
	valid := appendRecord(nil, record(0, core.StreamStdout, 0, "some words\n"), uint8(core.StreamStdout))
	valid = appendRecord(valid, record(1, core.StreamStderr, 0, "others"), uint8(core.StreamStderr))
	valid = appendRecord(valid, core.LogRecord{Step: -1}, sealRecord)
	for i := 0; i < len(valid); i += 7 {
		spoiled := bytes.Clone(valid)
		spoiled[i] ^= 0x41
		f.Add(spoiled, i)
	}
	f.Add(valid, 0)
	f.Fuzz(func(t *testing.T, data []byte, split int) {
		s := open(t)
		at := min(max(split, 0), len(data)) // in two segments
		write(t, segmentPath(logFolder(s), 0), data[:at])
		if at > 0 {
			write(t, segmentPath(logFolder(s), int64(at)), data[at:])
		}
		var read int
		err := s.Read(t.Context(), executionID, 0, func(r core.LogRecord, _ core.Cursor) error {
			read += len(r.Data) + headerSize
			return nil
		})
		if read > len(data) {
			t.Fatalf("%d bytes are read from %d", read, len(data))
		}
		if err != nil && !strings.Contains(err.Error(), ".log at byte ") {
			t.Fatalf("got %v", err)
		}
		w, err := s.OpenLog(t.Context(), executionID)
		if err != nil {
			return
		}
		defer w.Close()
		appendAll(t, w, record(-1, core.StreamSystem, 0, "on it goes"))
		if words, _ := said(t, s, 0); words[len(words)-1] != "-1/system:on it goes" {
			t.Fatalf("%q", words)
		}
	})
}

// A write that fails leaves the log whole, and is tried again with success when the
// trouble is over.
func TestDiskInTrouble(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := openLog(t, s).(*writer)
	appendAll(t, w, record(0, core.StreamStdout, 0, "a"))
	healthy := w.file
	readOnly, err := os.Open(healthy.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	w.file = &file{File: readOnly, users: 2}
	err = w.Append(record(0, core.StreamStdout, 1, "b"))
	if core.CodeOf(err) != core.CodeUnavailable || errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if got := w.Offsets(0, 1).Stdout; got != 1 {
		t.Errorf("%d bytes are claimed, 1 is stored", got)
	}
	w.file = healthy
	appendAll(t, w, record(0, core.StreamStdout, 1, "c"))
	words, _ := said(t, s, 0)
	if diff := cmp.Diff([]string{"0/stdout:a", "0/stdout:c"}, words); diff != "" {
		t.Error(diff)
	}
}
