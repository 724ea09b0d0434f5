package logs

import (
	"os"
	"sync"
)

// files shares open segments: however many follow a log, each of its segments is
// open once, and the one that is being written only by its writer.
type files struct {
	mu   sync.Mutex
	open map[string]*file // by path
}

// file is an open segment. It is read and written at given places only.
type file struct {
	*os.File
	users int // guarded by files.mu
}

// acquire opens the file unless it is open; give it back with release. A writer, who
// asks for more than os.O_RDONLY, gets a file of its own that later readers share.
func (f *files) acquire(path string, flags int) (*file, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if shared := f.open[path]; shared != nil && flags == os.O_RDONLY {
		shared.users++
		return shared, nil
	}
	opened, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	acquired := &file{File: opened, users: 1}
	f.open[path] = acquired // in place of a reader's, which its readers keep
	return acquired, nil
}

// release closes the file when its last user is done.
func (f *files) release(released *file) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if released.users--; released.users > 0 {
		return nil
	}
	if path := released.Name(); f.open[path] == released {
		delete(f.open, path)
	}
	return released.Close()
}
