// Package sqlite keeps everything in one SQLite file: documents as JSON beside the
// few columns that are looked up by, so that a document store can have the same
// shape. One connection writes, a few read; neither waits for the other.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/patchbay-ci/patchbay/core"
)

// readers is how many reads go on at once.
const readers = 4

// Store implements core.Store. It is safe for concurrent use.
type Store struct {
	reads  *reads
	writer *writer

	closeOnce sync.Once
	closeErr  error
}

// Open opens or makes the file, which only this user may read, and brings its
// schema up to date. A file of a newer version is refused.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the database: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	// Also one that was copied here: it has pipelines, and with them secrets of the
	// careless. SQLite gives its other files the same mode.
	if err := errors.Join(file.Chmod(0o600), file.Close()); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	// The first connection makes the write-ahead log that the readers need.
	w, err := openWriter(ctx, dataSource(path, false))
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	r, err := openReads(dataSource(path, true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), w.close())
	}
	return &Store{reads: r, writer: w}, nil
}

// dataSource is the driver's name for the file, with what each connection is set to:
// a small cache each, since the kernel has one as well and the server is to stay
// small, and few checkpoints, which are what makes a writer wait.
func dataSource(path string, readOnly bool) string {
	values := url.Values{"_pragma": {"busy_timeout(5000)", "temp_store(memory)", "cache_size(-2000)"}} // 2 MB each
	if readOnly {
		values.Set("mode", "ro")
	} else {
		values["_pragma"] = append(values["_pragma"], "journal_mode(wal)", "synchronous(normal)", "wal_autocheckpoint(4000)")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: values.Encode()}).String()
}

// Kind implements core.Store.
func (s *Store) Kind() string { return "sqlite" }

// Ping implements core.Store: it reads a page of the file, which "SELECT 1" does not.
func (s *Store) Ping(ctx context.Context) error {
	var none int
	return translate(s.reads.row(ctx, "SELECT count(*) FROM pipelines WHERE id = ''", nil, &none))
}

// Close implements core.Store: what was begun is written first.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = errors.Join(s.reads.close(), s.writer.close()) })
	return s.closeErr
}

var _ core.Store = (*Store)(nil)
