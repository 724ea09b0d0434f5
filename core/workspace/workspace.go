// Package workspace keeps the folders that runs work in: one shared folder a run,
// one private folder an attempt, and nothing afterwards.
package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Manager makes and removes workspaces below one folder. It is safe for
// concurrent use.
type Manager struct {
	root string
}

// NewManager uses root, which it makes if it is missing; only this user may enter.
func NewManager(root string) (*Manager, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("workspace folder: %w", err)
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return nil, fmt.Errorf("make the workspace folder: %w", err)
	}
	return &Manager{root: absolute}, nil
}

// Workspace is the folders of one run.
type Workspace struct {
	folder string
	shared string
}

// Open makes the workspace of an execution, or returns the one that is there.
func (m *Manager) Open(executionID string) (*Workspace, error) {
	return m.open(executionID, "")
}

// OpenIn is Open with a shared folder that already exists and is never removed.
func (m *Manager) OpenIn(executionID, shared string) (*Workspace, error) {
	absolute, err := filepath.Abs(shared)
	if err != nil {
		return nil, fmt.Errorf("workspace %s: %w", shared, err)
	}
	return m.open(executionID, absolute)
}

func (m *Manager) open(executionID, shared string) (*Workspace, error) {
	if !filepath.IsLocal(executionID) || filepath.Base(executionID) != executionID {
		return nil, fmt.Errorf("%q is no execution ID", executionID)
	}
	w := &Workspace{folder: filepath.Join(m.root, executionID), shared: shared}
	if shared == "" {
		w.shared = filepath.Join(w.folder, "work")
		if err := os.MkdirAll(w.shared, 0o700); err != nil {
			return nil, fmt.Errorf("make the workspace: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(w.folder, "attempts"), 0o700); err != nil {
		return nil, fmt.Errorf("make the workspace: %w", err)
	}
	return w, nil
}

// Path is the run's shared folder.
func (w *Workspace) Path() string { return w.shared }

// AttemptPath is the private folder of an attempt; see MakeAttempt.
func (w *Workspace) AttemptPath(attemptID string) string {
	return filepath.Join(w.folder, "attempts", attemptID)
}

// MakeAttempt makes an attempt's private folder if it is missing.
func (w *Workspace) MakeAttempt(attemptID string) error {
	if err := os.Mkdir(w.AttemptPath(attemptID), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the attempt's folder: %w", err)
	}
	return nil
}

// RemoveAttempt removes an attempt's private folder.
func (w *Workspace) RemoveAttempt(attemptID string) error {
	return os.RemoveAll(w.AttemptPath(attemptID))
}

// Remove removes everything of the run. Steps may have taken away their own
// permissions (Go's module cache does): those are given back first.
func (w *Workspace) Remove() error {
	if os.RemoveAll(w.folder) == nil {
		return nil
	}
	_ = filepath.WalkDir(w.folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(w.folder); err != nil {
		return fmt.Errorf("remove the workspace: %w", err)
	}
	return nil
}
