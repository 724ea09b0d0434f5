package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// runDir is the folder below which go-plugin makes one folder a process for its
// socket.
type runDir struct {
	wanted string

	mu   sync.Mutex
	made string   // by path
	own  bool     // to be removed
	lock *os.File // held while this host lives, in a folder of its own

	swept sync.Once
}

// Names in the system's folder for what does not outlive a boot.
const (
	ownPrefix = "patchbay-sockets-"
	lockName  = "lock"
)

// socketNameLength is what go-plugin adds to the folder at the most:
// /plugin-dir<10 digits>/plugin<10 digits>.
const socketNameLength = len("/plugin-dir1234567890/plugin1234567890")

// maxSocketPath is what fits into a socket's address, without the final zero.
func maxSocketPath() int {
	if runtime.GOOS == "linux" {
		return 107
	}
	return 103
}

// path returns the folder and makes it the first time.
func (r *runDir) path() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made != "" {
		return r.made, nil
	}
	if r.wanted == "" {
		return r.makeOwn()
	}
	folder, err := filepath.Abs(r.wanted)
	if err != nil {
		return "", fmt.Errorf("folder for sockets: %w", err)
	}
	if len(folder)+socketNameLength > maxSocketPath() {
		return "", fmt.Errorf("folder for sockets: the path %s is too long; it may have %d characters", folder, maxSocketPath()-socketNameLength)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("folder for sockets: %w", err)
	}
	info, err := os.Stat(folder)
	if err != nil {
		return "", fmt.Errorf("folder for sockets: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("folder for sockets: others may enter %s; chmod 700 it", folder)
	}
	r.made = folder
	return folder, nil
}

// makeOwn makes a folder at the first place that will do.
func (r *runDir) makeOwn() (string, error) {
	last := errors.New("every path is too long for a socket")
	for _, base := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		if base == "" || !filepath.IsAbs(base) || len(base)+len(ownPrefix)+len("/1234567890")+socketNameLength > maxSocketPath() {
			continue
		}
		folder, err := os.MkdirTemp(base, ownPrefix) // mode 0700
		if err == nil {
			r.made, r.own = folder, true
			r.lock, err = lockFolder(folder)
			return folder, err
		}
		last = err
	}
	return "", fmt.Errorf("folder for sockets: no place for it: %w", last)
}

// remove removes the folder if path made it for this host alone.
func (r *runDir) remove() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.own {
		return nil
	}
	r.own = false
	err := os.RemoveAll(r.made)
	if r.lock != nil {
		err = errors.Join(err, r.lock.Close())
	}
	return err
}

// lockFolder marks a folder as in use. The mark goes with the process, however it
// ends. Connectors do not inherit it.
func lockFolder(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// sweep removes, once, the folders of hosts that were killed before they could, where
// this host has its own.
func (r *runDir) sweep() {
	r.mu.Lock()
	base, own := filepath.Dir(r.made), r.own
	r.mu.Unlock()
	if own {
		r.swept.Do(func() { sweep(base) })
	}
}

// sweep removes abandoned folders below base. It is a courtesy: what cannot be
// removed stays.
func sweep(base string) {
	left, _ := filepath.Glob(filepath.Join(base, ownPrefix+"*", lockName))
	for _, name := range left {
		folder := filepath.Dir(name)
		info, err := os.Stat(folder)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue // perhaps it is just being made
		}
		if lock, err := lockFolder(folder); err == nil {
			_ = os.RemoveAll(folder)
			_ = lock.Close()
		}
	}
}
