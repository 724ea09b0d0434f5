package blob

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// Damaged content is an error for who reads it, and whole again when it is put again,
// also by a store that does not know of the damage.
func TestDamaged(t *testing.T) {
	t.Parallel()
	content := large(2*bufferSize + 17)
	for name, damage := range map[string]string{"one bit": "\x01" + content[1:], "cut off": content[:len(content)-1], "longer": content + "x",
		"empty": "", "last byte": content[:len(content)-1] + "~", "another size": "short"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			hash := put(t, s, content)
			at, _ := path(s.folder, hash)
			if err := os.WriteFile(at, []byte(damage), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := read(t, s, hash)
			if core.CodeOf(err) != core.CodeInternal || !strings.Contains(err.Error(), hash) || got == damage && damage != "" {
				t.Errorf("got all of %d bytes: %t, %v", len(got), got == damage, err)
			}
			r, err := s.Open(t.Context(), hash)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			// As a file server does: it asks for the size first and reads no further.
			size, err := r.Seek(0, io.SeekEnd)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if n, err := io.CopyN(io.Discard, r, size); n == size && size > 0 || err == nil && size > 0 {
				t.Errorf("served %d of %d bytes, %v", n, size, err)
			}
			put(t, open(t, s.folder), content)
			if got, err := read(t, s, hash); got != content || err != nil {
				t.Errorf("after a repair: %d bytes, %v", len(got), err)
			}
		})
	}
}

// Parts are given as they are: only the whole can be checked.
func TestSeek(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	r, err := s.Open(t.Context(), put(t, s, "0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for _, step := range []struct {
		offset int64
		whence int
	}{{3, io.SeekStart}, {-2, io.SeekEnd}, {0, io.SeekCurrent}, {0, io.SeekStart}, {-10, io.SeekCurrent}, {1, io.SeekStart}, {99, io.SeekStart}, {0, io.SeekStart}} {
		if _, err := r.Seek(step.offset, step.whence); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(rest))
	}
	if diff := cmp.Diff([]string{"3456789", "89", "", "0123456789", "0123456789", "123456789", "", "0123456789"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("went before the beginning")
	}
	half := make([]byte, 4)
	for _, seek := range []int64{0, 4} { // there and on, as if nothing had been
		if _, err := r.Seek(seek, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, half); err != nil {
			t.Fatal(err)
		}
	}
	if rest, err := io.ReadAll(r); string(rest) != "89" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	now := time.Now()
	kept, old, young, again := put(t, s, "kept"), put(t, s, "old"), put(t, s, "young"), put(t, s, "again")
	for _, hash := range []string{kept, old, again} {
		at, _ := path(s.folder, hash)
		if err := os.Chtimes(at, time.Time{}, now.Add(-2*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, "again") // somebody is about to refer to it
	stranger := filepath.Join(s.folder, old[:2], "notes.txt")
	if err := os.WriteFile(stranger, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	reading, err := s.Open(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	freed, err := s.Sweep(t.Context(), now.Add(-time.Hour), func(hash string) bool { return hash == kept })
	if freed != 3 || err != nil {
		t.Errorf("freed %d, %v", freed, err)
	}
	for hash, want := range map[string]core.ErrorCode{kept: "", old: core.CodeNotFound, young: "", again: ""} {
		if _, err := read(t, s, hash); core.CodeOf(err) != want {
			t.Errorf("%s: %v", hash, err)
		}
	}
	if _, err := os.Stat(stranger); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(reading); string(got) != "old" || err != nil {
		t.Errorf("who reads it reads on: %q, %v", got, err)
	}
	put(t, s, "old")
	if _, err := s.Sweep(t.Context(), now.Add(-time.Hour), func(string) bool { return true }); err != nil {
		t.Error(err)
	}
}
