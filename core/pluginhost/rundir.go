package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// runDir is the folder below which go-plugin makes one folder a process for its
// socket.
type runDir struct {
	wanted string

	mu   sync.Mutex
	made string // by path
	own  bool   // to be removed
}

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
		if base == "" || !filepath.IsAbs(base) || len(base)+len("/patchbay-1234567890")+socketNameLength > maxSocketPath() {
			continue
		}
		folder, err := os.MkdirTemp(base, "patchbay-") // mode 0700
		if err == nil {
			r.made, r.own = folder, true
			return folder, nil
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
	return os.RemoveAll(r.made)
}
