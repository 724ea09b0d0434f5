// Package logs keeps the output of executions on disk: one append-only log an
// execution, cut into segments. Parallel steps interleave in the order in which
// they spoke, a cursor is one number, and whoever follows a log reads the files at
// his own pace.
package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// Store implements core.LogStore. It is safe for concurrent use. One process at a
// time may write below its folder.
type Store struct {
	dir string
	// segmentSize is the size from which on a new segment is begun.
	segmentSize int64
	files       files
	// buffers are *[]byte of readBuffer bytes. A reader has one only while it reads:
	// a thousand followers who wait cost nothing.
	buffers sync.Pool

	mu   sync.Mutex
	live map[string]*live // by execution
}

// Open keeps logs below dir, which it makes if it is missing; only this user may
// enter.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for logs: %w", err)
	}
	return &Store{
		dir: dir, segmentSize: defaultSegmentSize, files: files{open: map[string]*file{}},
		buffers: sync.Pool{New: func() any { b := make([]byte, readBuffer); return &b }},
		live:    map[string]*live{},
	}, nil
}

// Close implements core.LogStore. Logs have no state in memory that could be lost.
func (s *Store) Close() error { return nil }

// maxID is the longest execution ID; a file name may have 255 bytes.
const maxID = 128

// folder is where the segments of an execution are (see segment): spread over folders by the last
// characters of its ID, the random ones of a UUIDv7. IDs come from users: what is
// not a plain word could name another place.
func (s *Store) folder(executionID string) (string, error) {
	if len(executionID) < 3 || len(executionID) > maxID {
		return "", core.Errorf(core.CodeInvalid, "%.140q is no execution ID", executionID)
	}
	for _, c := range []byte(executionID) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_':
		default:
			return "", core.Errorf(core.CodeInvalid, "%q is no execution ID", executionID)
		}
	}
	return filepath.Join(s.dir, executionID[len(executionID)-2:], executionID), nil
}

// Delete implements core.LogStore. It returns Conflict for a log that is being
// written.
func (s *Store) Delete(ctx context.Context, executionID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	folder, err := s.folder(executionID)
	if err != nil {
		return err
	}
	if _, writing := s.written(executionID); writing {
		return &core.Error{Code: core.CodeConflict, Message: fmt.Sprintf("the log of execution %q is being written", executionID),
			Suggestions: []string{"delete it when the execution has ended"}}
	}
	// The first segment last: a log without it could not be read any more.
	err = os.RemoveAll(folder)
	if err == nil {
		err = os.Remove(segmentPath(folder, 0))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete the log: %w", err)
	}
	return nil
}

var _ core.LogStore = (*Store)(nil)
