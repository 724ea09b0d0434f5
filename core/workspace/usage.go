package workspace

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Usage is what a workspace takes.
type Usage struct {
	// Bytes are those of the blocks that are really taken: a file with holes counts
	// for less than its size, and one with several names counts once.
	Bytes int64
	// Files counts everything that has a name: folders and links, too.
	Files int64
}

// Quota is what a workspace may take. What is zero is not bounded.
type Quota struct{ Bytes, Files int64 }

// Exceeded reports whether u is more than q allows.
func (q Quota) Exceeded(u Usage) bool {
	return (q.Bytes > 0 && u.Bytes > q.Bytes) || (q.Files > 0 && u.Files > q.Files)
}

// Usage adds up what is in the shared folder and those of the attempts. Links are not
// followed. What comes and goes meanwhile is counted or not; what nobody may look into is
// not, nor what is deeper than a path can be long. An error means that ctx ended or that
// the folders cannot be read.
func (w *Workspace) Usage(ctx context.Context) (Usage, error) {
	return w.usage(ctx, 0)
}

// usage is Usage that is content with knowing that there are more than mostFiles.
func (w *Workspace) usage(ctx context.Context, mostFiles int64) (Usage, error) {
	c := count{ctx: ctx, most: mostFiles, seen: map[inode]struct{}{}}
	attempts, err := w.attemptFolders()
	if err != nil {
		return c.usage, err
	}
	for _, folder := range append(attempts, w.shared) {
		if err := c.folder(folder, 0); err != nil && !errors.Is(err, errEnough) && !errors.Is(err, fs.ErrNotExist) {
			return c.usage, err
		}
	}
	return c.usage, nil
}

// inode is a file, whatever names it has.
type inode struct{ device, number uint64 }

// count is a walk through folders.
type count struct {
	ctx   context.Context
	most  int64
	usage Usage
	seen  map[inode]struct{} // those that have several names
}

var errEnough = errors.New("there is more than needs to be known")

// entriesAtOnce bounds the memory that looking into a large folder takes.
const entriesAtOnce = 1024

// folder counts what is in a folder, and below it. flags are for opening it.
func (c *count) folder(path string, flags int) error {
	below, err := c.list(path, flags)
	if err != nil {
		return err
	}
	for _, name := range below {
		if err := c.folder(filepath.Join(path, name), syscall.O_NOFOLLOW); err != nil && !passable(err) {
			return err
		}
	}
	return nil
}

// passable reports whether an error is about one folder below, which is gone, closed,
// something else by now, or too deep to be named: it is not counted. Any other, as too
// many open files, would make less of what is there.
func passable(err error) bool {
	for _, of := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// list counts what is directly in a folder and returns the folders among it. The folder
// is closed again then: as many would be open as folders are in each other. What a step
// has put in the place of a folder, a link or a pipe, is neither followed nor waited for.
func (c *count) list(path string, flags int) (below []string, err error) {
	folder, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|flags, 0)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	for {
		if err := context.Cause(c.ctx); err != nil {
			return nil, err
		}
		entries, err := folder.ReadDir(entriesAtOnce)
		for _, entry := range entries {
			c.add(entry)
			if entry.IsDir() {
				below = append(below, entry.Name())
			}
		}
		if c.most > 0 && c.usage.Files > c.most {
			return nil, errEnough
		}
		if errors.Is(err, io.EOF) {
			return below, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (c *count) add(entry fs.DirEntry) {
	info, err := entry.Info()
	if err != nil {
		return // gone by now
	}
	c.usage.Files++
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		c.usage.Bytes += info.Size()
		return
	}
	if stat.Nlink > 1 && !info.IsDir() {
		id := inode{uint64(stat.Dev), stat.Ino}
		if _, again := c.seen[id]; again {
			return
		}
		c.seen[id] = struct{}{}
	}
	c.usage.Bytes += stat.Blocks * 512 // POSIX leaves the unit open; it is this everywhere
}
