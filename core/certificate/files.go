// Package certificate finds the TLS certificate that a server shows: from files that
// somebody else renews, or one that it makes and renews by itself.
package certificate

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// lookAgain is how often files are looked at for a change, at the most.
const lookAgain = 10 * time.Second

// Source gives a certificate to each handshake. It is safe for concurrent use.
type Source func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// Files reads a certificate, with the chain behind it, and its key, both in PEM. It
// fails when they cannot be used. Changed files are taken up within seconds; while the
// new ones cannot be used, the old certificate is shown, and the log says why.
func Files(certificate, key string, log hclog.Logger) (Source, error) {
	f := &files{certificate: certificate, key: key, log: log, now: time.Now}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f.get, nil
}

type files struct {
	certificate, key string
	log              hclog.Logger
	now              func() time.Time

	mu     sync.Mutex
	loaded *tls.Certificate
	state  [2]fileState
	looked time.Time
}

// fileState tells a file that was changed from one that was not.
type fileState struct {
	size     int64
	modified time.Time
}

func stateOf(name string) (fileState, error) {
	info, err := os.Stat(name)
	if err != nil {
		return fileState{}, err
	}
	return fileState{info.Size(), info.ModTime()}, nil
}

func (f *files) load() error {
	var state [2]fileState
	for i, name := range []string{f.certificate, f.key} {
		var err error
		if state[i], err = stateOf(name); err != nil {
			return fmt.Errorf("TLS certificate: %w", err)
		}
	}
	if f.loaded != nil && state == f.state {
		return nil
	}
	f.state = state // also of files that are no good: they are tried again when they change
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return fmt.Errorf("TLS certificate %s with key %s: %w", f.certificate, f.key, err)
	}
	f.loaded = &pair
	return nil
}

func (f *files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= lookAgain {
		f.looked = now
		if err := f.load(); err != nil {
			f.log.Error("the changed certificate cannot be used; the old one is shown", "error", err)
		}
	}
	return f.loaded, nil
}
