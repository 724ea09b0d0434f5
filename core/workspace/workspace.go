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

// Manager makes and removes workspaces below two folders. It is safe for
// concurrent use.
type Manager struct {
	shared, private string
}

// NewManager keeps the runs' shared folders below shared and the attempts' private
// ones below private, which may be the same and may be in memory: little is kept
// there, but many small files come and go. It makes what is missing; only this user
// may enter.
func NewManager(shared, private string) (*Manager, error) {
	m := &Manager{}
	for _, folder := range []struct {
		given string
		kept  *string
	}{{shared, &m.shared}, {private, &m.private}} {
		absolute, err := filepath.Abs(folder.given)
		if err != nil {
			return nil, fmt.Errorf("workspace folder: %w", err)
		}
		if err := os.MkdirAll(absolute, 0o700); err != nil {
			return nil, fmt.Errorf("make the workspace folder: %w", err)
		}
		*folder.kept = absolute
	}
	return m, nil
}

// Workspace is the folders of one run.
type Workspace struct {
	folder   string // holds shared, unless that is the user's own
	shared   string
	attempts string
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
	w := &Workspace{folder: filepath.Join(m.shared, executionID), shared: shared,
		attempts: filepath.Join(m.private, executionID+".attempts")}
	folders := []string{w.attempts}
	if shared == "" {
		w.shared = w.folder
		folders = append(folders, w.shared)
	}
	for _, folder := range folders {
		if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make the workspace: %w", err)
		}
	}
	return w, nil
}

// Path is the run's shared folder.
func (w *Workspace) Path() string { return w.shared }

// AttemptPath is the private folder of an attempt; see MakeAttempt.
func (w *Workspace) AttemptPath(attemptID string) string {
	return filepath.Join(w.attempts, attemptID)
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

// Remove removes everything of the run.
func (w *Workspace) Remove() error {
	return errors.Join(removeAll(w.folder), removeAll(w.attempts))
}

// removeAll also removes what steps have taken away their own permissions from, as
// Go's module cache does.
func removeAll(folder string) error {
	if os.RemoveAll(folder) == nil {
		return nil
	}
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove the workspace: %w", err)
	}
	return nil
}
