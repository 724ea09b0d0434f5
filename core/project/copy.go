package project

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// copiers is how many files are copied at once: there is more waiting for the kernel
// and the disk than work to do.
const copiers = 8

// batch is how many files one of them takes at a time.
const batch = 16

// copier writes what a scan has found.
type copier struct {
	top, to string

	mu      sync.Mutex // over summary, while files are copied
	summary Summary
}

func (c *copier) run(ctx context.Context, entries []entry) error {
	files := make([]entry, 0, len(entries))
	var folders []entry
	for _, e := range entries {
		if !e.info.IsDir() {
			files = append(files, e)
			continue
		}
		folders = append(folders, e)
		if err := os.Mkdir(c.target(e), e.info.Mode().Perm()|0o700); err != nil {
			return fmt.Errorf("bring in the project: %w", err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(copiers)
	for some := range slices.Chunk(files, batch) {
		group.Go(func() error {
			for _, e := range some {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				if err := c.one(e); err != nil {
					return fmt.Errorf("bring in %s: %w", e.name, err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	// What is put into a folder changes its time, and a folder that must not be
	// written to cannot be written into: the innermost come first, and after all files.
	for _, e := range slices.Backward(folders) {
		if err := c.finish(e); err != nil {
			return fmt.Errorf("bring in %s: %w", e.name, err)
		}
	}
	return nil
}

func (c *copier) source(e entry) string { return filepath.Join(c.top, filepath.FromSlash(e.name)) }
func (c *copier) target(e entry) string { return filepath.Join(c.to, filepath.FromSlash(e.name)) }

// one copies a file or a link. One that is gone by now, or may not be read, is left
// out.
func (c *copier) one(e entry) error {
	var err error
	if e.info.Mode().Type() == fs.ModeSymlink {
		err = c.link(e)
	} else {
		err = c.file(e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.summary.Files++
	case errors.Is(err, errSource) && errors.Is(err, fs.ErrNotExist):
		err = nil
	case errors.Is(err, errSource) && errors.Is(err, fs.ErrPermission):
		c.summary.leaveOut(e.name, "may not be read")
		err = nil
	}
	return err
}

// errSource marks errors that are about the project, not about the copy.
var errSource = errors.New("the project's own")

func (c *copier) link(e entry) error {
	target, err := os.Readlink(c.source(e))
	if err != nil {
		return errors.Join(errSource, err)
	}
	return os.Symlink(target, c.target(e))
}

// file copies one file, in the kernel where it can: io.Copy between two files is
// copy_file_range(2) on Linux. What has been put in its place since it was looked at
// is not followed or waited for, if it is a link or a pipe, and no more of it is
// copied than it had.
func (c *copier) file(e entry) (err error) {
	in, err := os.OpenFile(c.source(e), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return errors.Join(errSource, err)
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(errSource, fs.ErrNotExist, err)
	}
	target := c.target(e)
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, e.info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if size := e.info.Size(); size > 0 {
		if _, err := io.Copy(out, io.LimitReader(in, size)); err != nil {
			return err
		}
	}
	// The umask has had its way with the mode; and a file that must not be written to
	// could not be.
	if err := out.Chmod(e.info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(target, time.Time{}, e.info.ModTime())
}

// finish gives a folder the mode and the time of the project's.
func (c *copier) finish(e entry) error {
	target := c.target(e)
	if err := os.Chmod(target, e.info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(target, time.Time{}, e.info.ModTime())
}
