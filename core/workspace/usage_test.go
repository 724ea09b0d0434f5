package workspace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open makes a workspace with files of so many bytes.
func open(t *testing.T, files map[string]int) *Workspace {
	t.Helper()
	m, err := NewManager(t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.Open("run")
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range files {
		fill(t, w, name, size)
	}
	return w
}

func fill(t *testing.T, w *Workspace, name string, size int) {
	t.Helper()
	path := filepath.Join(w.Path(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, make([]byte, 8*mb), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*testing.T, *Workspace) error
		files  int64
		mb     int64
	}{
		"as it is": {func(*testing.T, *Workspace) error { return nil }, 3, 3},
		"a link":   {func(_ *testing.T, w *Workspace) error { return os.Symlink(outside, filepath.Join(w.Path(), "l")) }, 4, 3},
		"a linked folder": {func(_ *testing.T, w *Workspace) error {
			return os.Symlink(filepath.Dir(outside), filepath.Join(w.Path(), "l"))
		}, 4, 3},
		"a second name": {func(_ *testing.T, w *Workspace) error {
			return os.Link(filepath.Join(w.Path(), "a"), filepath.Join(w.Path(), "again"))
		}, 4, 3},
		"a hole": {func(_ *testing.T, w *Workspace) error {
			return os.Truncate(filepath.Join(w.Path(), "a"), 1<<40)
		}, 3, 3},
		"an attempt's": {func(t *testing.T, w *Workspace) error {
			if err := w.MakeAttempt("one"); err != nil {
				t.Fatal(err)
			}
			return os.WriteFile(filepath.Join(w.AttemptPath("one"), "f"), make([]byte, 5*mb), 0o600)
		}, 4, 8},
		"many": {func(t *testing.T, w *Workspace) error {
			for i := range 2*entriesAtOnce + 1 {
				fill(t, w, fmt.Sprintf("sub/%d", i), 0)
			}
			return nil
		}, 3 + 2*entriesAtOnce + 1, 3},
		"removed": {func(_ *testing.T, w *Workspace) error { return w.Remove() }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, map[string]int{"a": 1 * mb, "sub/b": 2 * mb})
			if err := test.change(t, w); err != nil {
				t.Fatal(err)
			}
			// Folders take something, too, and how much is the file system's business.
			u, err := w.Usage(t.Context())
			if err != nil || u.Files != test.files || u.Bytes < test.mb*mb || u.Bytes >= (test.mb+1)*mb {
				t.Errorf("got %+v, %v; want %d files of %d MiB", u, err, test.files, test.mb)
			}
		})
	}
	w := open(t, map[string]int{"a": 1})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Usage(cancelled); err == nil {
		t.Error("no error when the context has ended")
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	told := make(chan Usage, 10)
	tell := func(u Usage) { told <- u }

	w := open(t, map[string]int{"a": mb})
	watch := w.Watch(t.Context(), Quota{Bytes: 4 * mb}, tell)
	defer watch.Stop()
	watch.Look()
	if len(told) > 0 {
		t.Fatal("exceeded too early")
	}
	fill(t, w, "b", 5*mb)
	select { // nobody asks for this look
	case u := <-told:
		if u.Bytes < 6*mb || u.Files != 2 {
			t.Errorf("got %+v", u)
		}
	case <-t.Context().Done():
		t.Fatal("never exceeded")
	}
	watch.Look()
	if len(told) > 0 {
		t.Error("told twice")
	}

	files := w.Watch(t.Context(), Quota{Files: 1}, tell)
	files.Look()
	if u := <-told; u.Files != 2 {
		t.Errorf("files: %+v", u)
	}
	files.Stop()
	files.Stop()

	stopped := w.Watch(t.Context(), Quota{Files: 1}, tell)
	stopped.Stop()
	stopped.Look()
	without := w.Watch(t.Context(), Quota{}, tell)
	without.Look()
	without.Stop()
	if (*Watch)(nil).Stop(); len(told) > 0 {
		t.Error("told after the stop, or without a quota")
	}
}

func BenchmarkLook(b *testing.B) {
	m, err := NewManager(b.TempDir(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	w, err := m.Open("run")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := w.Usage(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
