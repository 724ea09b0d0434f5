package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWorkspaceLeavesNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	m, err := NewManager(root, root)
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.Open("run-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.MakeAttempt("a"); err != nil {
		t.Fatal(err)
	}
	if err := w.MakeAttempt("a"); err != nil {
		t.Fatalf("making it twice: %v", err)
	}
	locked := filepath.Join(w.Path(), "cache", "inner")
	if err := os.MkdirAll(locked, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(locked, "file"), []byte("x"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(locked), 0o500); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 0 {
		t.Fatalf("left behind: %v", entries)
	}
	if err := w.Remove(); err != nil {
		t.Fatalf("removing it twice: %v", err)
	}
}

func TestAttemptsOfAnEarlierProcessAreRemoved(t *testing.T) {
	t.Parallel()
	shared, private := t.TempDir(), t.TempDir()
	open := func(id string) *Workspace {
		t.Helper()
		m, err := NewManager(shared, private)
		if err != nil {
			t.Fatal(err)
		}
		w, err := m.Open(id)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, made := range []string{"run-1", "run-10"} {
		if err := open(made).MakeAttempt("a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := open("run-1").Remove(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(private)
	if err != nil || len(entries) != 1 || filepath.Join(private, entries[0].Name()) != open("run-10").AttemptPath("a") {
		t.Fatalf("the attempts' folders are %v, %v; want the other run's alone", entries, err)
	}
}

func TestFoldersAreLeft(t *testing.T) {
	t.Parallel()
	m, err := NewManager(t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m.LeaveFolders()
	w, err := m.Open("run-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.MakeAttempt("a"), w.RemoveAttempt("a"), w.Remove()); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{w.Path(), w.AttemptPath("a")} {
		if _, err := os.Stat(folder); err != nil {
			t.Error(err)
		}
	}
}

func TestSharedFolderOfTheUserIsKept(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	m, err := NewManager(t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.OpenIn("run-1", project)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(project); err != nil {
		t.Fatal(err)
	}
}

func TestOddExecutionIDs(t *testing.T) {
	t.Parallel()
	m, err := NewManager(t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "..", "../x", "/etc", "a/b", "run.1"} {
		if _, err := m.Open(id); err == nil {
			t.Errorf("Open(%q) succeeded", id)
		}
	}
}
