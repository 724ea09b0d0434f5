// Package blob keeps content on disk by its SHA-256: each content once, in a file
// that is named by its hash, complete or not there at all.
package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// incoming is the folder of files that are being written. It is in the same file
// system as the content, so that a rename makes a file complete.
const incoming = "incoming"

// bufferSize is how much of content is in memory at a time, for each that is put.
const bufferSize = 128 << 10

// Store implements core.BlobStore in a folder, which one Store of one process uses at
// a time. It is safe for concurrent use.
type Store struct {
	folder string

	// placing is held while content gets its name and while Sweep looks at the age of
	// content and removes it: what has just been put is young, and stays.
	placing sync.Mutex
	buffers sync.Pool // of *[]byte
}

// Open opens or makes the folder, which only this user may enter, and removes what
// writers left there that were killed.
func Open(folder string) (*Store, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("folder of contents: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(folder, incoming)); err != nil {
		return nil, fmt.Errorf("remove unfinished contents: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(folder, incoming), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of contents: %w", err)
	}
	s := &Store{folder: folder}
	s.buffers.New = func() any { buffer := make([]byte, bufferSize); return &buffer }
	return s, nil
}

// path is where content of this hash is: below a folder of its first two digits, so
// that no folder gets too many entries. It refuses what is no hash.
func path(folder, hash string) (string, error) {
	if decoded, err := hex.DecodeString(hash); err != nil || len(decoded) != 32 || hex.EncodeToString(decoded) != hash {
		return "", core.NotFound("content", hash)
	}
	return filepath.Join(folder, hash[:2], hash), nil
}

// Open implements core.BlobStore. When the whole is read from its beginning, the last
// Read is an error if it is not what was put: its disk failed. Put repairs it.
func (s *Store) Open(ctx context.Context, sha256 string) (io.ReadSeekCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at, err := path(s.folder, sha256)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, core.NotFound("content", sha256)
	}
	if err != nil {
		return nil, failed("stored content cannot be opened", err)
	}
	return newReader(file, sha256)
}

// Size implements core.BlobStore. It walks the folder.
func (s *Store) Size(ctx context.Context) (int64, error) {
	var total int64
	err := s.each(ctx, func(_ string, info fs.FileInfo) error {
		total += info.Size()
		return nil
	})
	return total, err
}

// Sweep implements core.BlobStore.
func (s *Store) Sweep(ctx context.Context, before time.Time, keep func(sha256 string) bool) (freed int64, err error) {
	err = s.each(ctx, func(hash string, info fs.FileInfo) error {
		if keep(hash) || !info.ModTime().Before(before) {
			return nil
		}
		size, err := s.removeIfOld(hash, before)
		freed += size
		return err
	})
	return freed, err
}

// removeIfOld looks at the age again: the content may have been put since.
func (s *Store) removeIfOld(hash string, before time.Time) (freed int64, err error) {
	at, err := path(s.folder, hash)
	if err != nil {
		return 0, err
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	info, err := os.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().Before(before) {
		return 0, nil
	}
	if err == nil {
		err = os.Remove(at)
	}
	if err != nil {
		return 0, failed("content that nobody needs cannot be removed", err)
	}
	return info.Size(), nil
}

// each calls fn for every content. What is removed meanwhile may be left out, and
// what is no content of ours is.
func (s *Store) each(ctx context.Context, fn func(hash string, info fs.FileInfo) error) error {
	for shard := range 256 {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := os.ReadDir(filepath.Join(s.folder, fmt.Sprintf("%02x", shard)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed("the folder of contents cannot be read", err)
		}
		for _, entry := range entries {
			if _, err := path(s.folder, entry.Name()); err != nil || !entry.Type().IsRegular() {
				continue
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return failed("the folder of contents cannot be read", err)
			}
			if err := fn(entry.Name(), info); err != nil {
				return err
			}
		}
	}
	return nil
}

// failed is an error of the disk, in words for users.
func failed(message string, err error) error {
	return &core.Error{Code: core.CodeUnavailable, Message: message, Err: err,
		Suggestions: []string{"see that the disk of the data folder works, has room and is writable"}}
}

var _ core.BlobStore = (*Store)(nil)
