package workspace

import (
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
	for _, id := range []string{"", "..", "../x", "/etc", "a/b"} {
		if _, err := m.Open(id); err == nil {
			t.Errorf("Open(%q) succeeded", id)
		}
	}
}
