package pluginhost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// LockFileName is what a lock file is usually called.
const LockFileName = "plugins.lock"

// maxLockFile bounds the size of a lock file.
const maxLockFile = 1 << 20

// Lock pins connectors to the content of their binaries.
type Lock struct {
	// Version of the format: 1.
	Version    int   `json:"version"`
	Connectors []Pin `json:"connectors"`
}

// Pin is one connector of a Lock.
type Pin struct {
	Name string `json:"name"`
	// Version is for people; SHA256 is what counts.
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256"`
}

// NewLock pins what a catalog lists. Broken connectors cannot be pinned: they are
// left out.
func NewLock(connectors []*core.ConnectorInfo) *Lock {
	lock := &Lock{Version: 1, Connectors: []Pin{}}
	for _, c := range connectors {
		if c.State != core.ConnectorBroken {
			lock.Connectors = append(lock.Connectors, Pin{Name: c.Name, Version: c.Version, SHA256: c.SHA256})
		}
	}
	sort.Slice(lock.Connectors, func(i, j int) bool { return lock.Connectors[i].Name < lock.Connectors[j].Name })
	return lock
}

// ReadLock reads a lock file. It refuses unknown keys, hashes that are none, and
// names that come twice.
func ReadLock(path string) (*Lock, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxLockFile+1))
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	lock, err := parseLock(content)
	if err != nil {
		return nil, fmt.Errorf("lock file %s: %w; `patchbay plugin lock` writes it anew", path, err)
	}
	return lock, nil
}

func parseLock(content []byte) (*Lock, error) {
	if len(content) > maxLockFile {
		return nil, fmt.Errorf("it is larger than %d bytes", maxLockFile)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	var lock Lock
	if err := decoder.Decode(&lock); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("there is something behind its end")
	}
	if lock.Version != 1 {
		return nil, fmt.Errorf("its format is version %d and this Patchbay knows 1", lock.Version)
	}
	seen := map[string]bool{}
	for _, pin := range lock.Connectors {
		switch {
		case !ValidName(pin.Name):
			return nil, fmt.Errorf("%q is not a name of a connector", pin.Name)
		case seen[pin.Name]:
			return nil, fmt.Errorf("connector %s is there twice", pin.Name)
		case !isSHA256(pin.SHA256):
			return nil, fmt.Errorf("the sha256 of %s is not 64 hexadecimal digits in lower case", pin.Name)
		}
		seen[pin.Name] = true
	}
	return &lock, nil
}

func isSHA256(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == 64
}

// Write replaces a lock file whole.
func (l *Lock) Write(path string) error {
	content, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	if err := replaceFile(path, append(content, '\n')); err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	if err := os.Chmod(path, 0o644); err != nil { // to be committed and shared
		return fmt.Errorf("lock file: %w", err)
	}
	return nil
}

// pins is the lock file in force. It is read again when it has changed.
type pins struct {
	file     string
	required bool

	mu       sync.Mutex
	identity identity
	sums     map[string]string
}

// load reads the file if it has changed.
func (p *pins) load() error {
	if p.file == "" {
		return nil
	}
	info, err := os.Stat(p.file)
	if err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if id := identityOf(info); p.sums == nil || id != p.identity {
		lock, err := ReadLock(p.file)
		if err != nil {
			return err
		}
		p.identity, p.sums = id, map[string]string{}
		for _, pin := range lock.Connectors {
			p.sums[pin.Name] = pin.SHA256
		}
	}
	return nil
}

// check returns a refusal for a binary that may not be launched.
func (p *pins) check(name, sha string) error {
	if err := p.load(); err != nil {
		return &refusal{&sdk.Error{Class: sdk.ClassInternal, Message: "connector " + name + " is not launched: " + err.Error(), Err: err}}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pinned, found := p.sums[name]
	switch {
	case found && pinned != sha:
		return &refusal{&sdk.Error{Class: sdk.ClassInternal,
			Message: fmt.Sprintf("connector %s is not the one that %s pins: its SHA-256 is %s and should be %s",
				name, p.file, sha, pinned),
			Suggestion: "put the pinned binary back, or accept this one with `patchbay plugin lock`"}}
	case !found && p.required:
		return &refusal{&sdk.Error{Class: sdk.ClassInternal,
			Message:    fmt.Sprintf("connector %s is not pinned, and only pinned ones may run here (its SHA-256 is %s)", name, sha),
			Suggestion: "pin it with `patchbay plugin lock`"}}
	}
	return nil
}
