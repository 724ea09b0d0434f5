package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Put implements core.BlobStore. An error of r is returned as it is; when ctx ends,
// Put ends with the next Read of r.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (hash string, size int64, err error) {
	file, err := os.CreateTemp(filepath.Join(s.folder, incoming), "")
	if err != nil {
		return "", 0, failed("content cannot be stored", err)
	}
	placed := false
	defer func() {
		err = errors.Join(err, ignoreClosed(file.Close()))
		if !placed {
			err = errors.Join(err, os.Remove(file.Name()))
		}
		if err != nil {
			hash, size = "", 0
		}
	}()
	if hash, size, err = s.receive(ctx, file, r, limit); err != nil {
		return "", 0, err
	}
	placed, err = s.place(ctx, file, hash, size)
	return hash, size, err
}

// receive writes what r has to the file.
func (s *Store) receive(ctx context.Context, file *os.File, r io.Reader, limit int64) (hash string, size int64, err error) {
	limit = max(limit, 0)
	buffer := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buffer)
	digest := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return "", 0, err
		}
		n, err := r.Read(*buffer)
		if int64(n) > limit-size {
			return "", 0, core.Errorf(core.CodeTooLarge, "there is more than the %d bytes that may be kept", limit)
		}
		if n > 0 {
			digest.Write((*buffer)[:n])
			if _, err := file.Write((*buffer)[:n]); err != nil {
				return "", 0, failed("content cannot be stored", err)
			}
			size += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(digest.Sum(nil)), size, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
}

// place gives a received file its name. Content that is there already, and whole, is
// only made young again: reading it costs less than syncing the new file.
func (s *Store) place(ctx context.Context, file *os.File, hash string, size int64) (renamed bool, err error) {
	at, err := path(s.folder, hash)
	if err != nil {
		return false, err
	}
	there, err := whole(ctx, at, hash, size)
	if err != nil {
		return false, err
	}
	if there {
		s.placing.Lock()
		err := os.Chtimes(at, time.Time{}, time.Now())
		s.placing.Unlock()
		if err == nil {
			return false, nil
		}
		if !errors.Is(err, fs.ErrNotExist) { // Sweep came between
			return false, failed("content cannot be stored", err)
		}
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return false, failed("content cannot be stored", err)
	}
	if renamed, err = s.rename(file.Name(), at); err != nil {
		return renamed, failed("content cannot be stored", err)
	}
	return true, nil
}

func (s *Store) rename(from, to string) (renamed bool, err error) {
	folder := filepath.Dir(to)
	made := os.Mkdir(folder, 0o700)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return false, made
	}
	// A slow reader may have taken hours: its content is new from now on.
	if err := os.Chtimes(from, time.Time{}, time.Now()); err != nil {
		return false, err
	}
	s.placing.Lock()
	err = os.Rename(from, to)
	s.placing.Unlock()
	if err != nil {
		return false, err
	}
	if err := syncFolder(folder); err != nil || made != nil {
		return true, err
	}
	return true, syncFolder(s.folder)
}

// whole reports whether the file is there and has that content.
func whole(ctx context.Context, at, hash string, size int64) (bool, error) {
	file, err := os.Open(at)
	if err != nil {
		return false, nil // whatever it is, the new file takes its place, or fails
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() != size {
		return false, nil
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, &cancellable{ctx, file}); ctx.Err() != nil {
		return false, ctx.Err()
	} else if err != nil {
		return false, nil
	}
	return hex.EncodeToString(digest.Sum(nil)) == hash, nil
}

// cancellable ends with its context.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// syncFolder makes the names in a folder as durable as the files.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // has no such thing, and needs none
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
