// Package logs keeps the output of executions on disk: one append-only log an
// execution, cut into segments. Parallel steps interleave in the order in which
// they spoke, a cursor is one number, and whoever follows a log reads the files at
// his own pace.
package logs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// Store implements core.LogStore. It is safe for concurrent use.
type Store struct {
	dir string
	// segmentSize is the size from which on a new segment is begun.
	segmentSize int64

	mu   sync.Mutex
	open map[string]*signal // by execution: wakes its followers
}

// signal is closed and replaced when a log has grown.
type signal struct {
	grown chan struct{}
	users int
}

// Open keeps logs below dir, which it makes if it is missing; only this user may
// enter.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for logs: %w", err)
	}
	return &Store{dir: dir, segmentSize: defaultSegmentSize, open: map[string]*signal{}}, nil
}

// Close implements core.LogStore. Logs have no state in memory that could be lost.
func (s *Store) Close() error { return nil }

// folder is where the segments of an execution are: spread over 256 folders by the
// last digits of its ID, the random ones of a UUIDv7.
func (s *Store) folder(executionID string) (string, error) {
	if len(executionID) < 3 || len(executionID) > 128 || !filepath.IsLocal(executionID) || filepath.Base(executionID) != executionID {
		return "", core.Errorf(core.CodeInvalid, "%q is no execution ID", executionID)
	}
	return filepath.Join(s.dir, executionID[len(executionID)-2:], executionID), nil
}

// Delete implements core.LogStore.
func (s *Store) Delete(_ context.Context, executionID string) error {
	folder, err := s.folder(executionID)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("delete the log: %w", err)
	}
	return nil
}

// watch returns the signal of an execution's log; give it back with unwatch.
func (s *Store) watch(executionID string) *signal {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.open[executionID]
	if w == nil {
		w = &signal{grown: make(chan struct{})}
		s.open[executionID] = w
	}
	w.users++
	return w
}

func (s *Store) unwatch(executionID string, w *signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.users--; w.users == 0 {
		delete(s.open, executionID)
	}
}

// wakeUp tells the followers that the log has grown.
func (s *Store) wakeUp(w *signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.users > 1 { // the writer is one
		close(w.grown)
		w.grown = make(chan struct{})
	}
}

// next returns the channel that is closed when the log grows after this call.
func (s *Store) next(w *signal) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.grown
}
