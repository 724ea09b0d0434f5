// Package workspace keeps the folders that runs work in: one shared folder a run,
// one private folder an attempt, and nothing afterwards.
package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Manager makes and removes workspaces below two folders. It is safe for
// concurrent use.
type Manager struct {
	shared, private string
	left            bool
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

// LeaveFolders makes the workspaces opened from now on leave their folders where they
// are when they are removed: for an owner of both folders who removes them whole in
// the end.
func (m *Manager) LeaveFolders() { m.left = true }

// Workspace is the folders of one run. It is safe for concurrent use.
type Workspace struct {
	folder   string // holds shared, unless that is the user's own
	shared   string
	attempts string // what the paths of the attempts' folders begin with
	left     bool

	mu sync.Mutex
	// known says that made has every attempt's folder there is. It has not when
	// another process may have made some.
	known bool
	made  map[string]bool // by attempt
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
	if !filepath.IsLocal(executionID) || filepath.Base(executionID) != executionID || strings.Contains(executionID, ".") {
		return nil, fmt.Errorf("%q is no execution ID", executionID)
	}
	w := &Workspace{folder: filepath.Join(m.shared, executionID), shared: shared, left: m.left,
		attempts: filepath.Join(m.private, executionID) + ".", made: map[string]bool{}}
	if shared != "" {
		return w, nil
	}
	w.shared = w.folder
	err := os.Mkdir(w.shared, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the workspace: %w", err)
	}
	w.known = err == nil
	return w, nil
}

// Path is the run's shared folder.
func (w *Workspace) Path() string { return w.shared }

// AttemptPath is the private folder of an attempt; see MakeAttempt.
func (w *Workspace) AttemptPath(attemptID string) string {
	return w.attempts + attemptID
}

// MakeAttempt makes an attempt's private folder if it is missing.
func (w *Workspace) MakeAttempt(attemptID string) error {
	if err := os.Mkdir(w.AttemptPath(attemptID), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the attempt's folder: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made[attemptID] = true
	return nil
}

// RemoveAttempt removes an attempt's private folder.
func (w *Workspace) RemoveAttempt(attemptID string) error {
	if w.left {
		return nil
	}
	if err := os.RemoveAll(w.AttemptPath(attemptID)); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.made, attemptID)
	return nil
}

// Remove removes everything of the run.
func (w *Workspace) Remove() error {
	if w.left {
		return nil
	}
	err := RemoveAll(w.folder)
	folders, listErr := w.attemptFolders()
	for _, folder := range folders {
		err = errors.Join(err, RemoveAll(folder))
	}
	return errors.Join(err, listErr)
}

// attemptFolders lists the attempts' folders that may be there.
func (w *Workspace) attemptFolders() ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var folders []string
	if w.known {
		for id := range w.made {
			folders = append(folders, w.AttemptPath(id))
		}
		return folders, nil
	}
	entries, err := os.ReadDir(filepath.Dir(w.attempts))
	if err != nil {
		return nil, fmt.Errorf("list the attempts' folders: %w", err)
	}
	for _, entry := range entries {
		if id, own := strings.CutPrefix(entry.Name(), filepath.Base(w.attempts)); own {
			folders = append(folders, w.AttemptPath(id))
		}
	}
	return folders, nil
}

// RemoveAll is os.RemoveAll that also removes what steps have taken away their own
// permissions from, as Go's module cache does.
func RemoveAll(folder string) error {
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
