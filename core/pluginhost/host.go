package pluginhost

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Defaults of Options.
const (
	DefaultIdleTimeout  = 5 * time.Minute
	DefaultStartTimeout = 10 * time.Second
)

// Options are a Host's settings. Only Path is needed.
type Options struct {
	// Path lists folders with connectors; the first one that has a name wins.
	// Folders that do not exist are passed over.
	Path []string
	// CacheDir keeps hashes and descriptions. Empty means that nothing is kept.
	CacheDir string
	// RunDir is for sockets, and private to this user. It is made if need be.
	// Empty means a fresh folder below $XDG_RUNTIME_DIR or the system's own, which
	// Close removes.
	RunDir string
	// LockFile pins connectors (see Lock). Empty means that none is pinned; a file
	// that is named must be there.
	LockFile string
	// RequirePinned refuses connectors that the lock file does not name.
	RequirePinned bool
	// Logger takes the host's own words and the connectors' logs; nil for none.
	Logger hclog.Logger
	// IdleTimeout is how long a process without users stays up; 0 means
	// DefaultIdleTimeout.
	IdleTimeout time.Duration
	// StartTimeout is how long a launch may take; 0 means DefaultStartTimeout.
	StartTimeout time.Duration
	// EnvAllow names variables that connectors get besides the usual ones. A name
	// may end in *.
	EnvAllow []string
	// Environ is what to choose from, as in os.Environ, which nil stands for.
	Environ []string
}

// Host runs connectors. It is safe for concurrent use.
type Host struct {
	options     Options
	limits      limits
	log         hclog.Logger
	environment []string
	cache       cache
	runDir      runDir

	// stopping is done when Close begins. Launches, reapers and stops are counted
	// in work, which Close waits for.
	stopping context.Context
	stop     context.CancelCauseFunc
	work     sync.WaitGroup

	pinned pins

	mu     sync.Mutex
	closed bool
	slots  map[string]*slot
	live   map[*process]struct{} // also those that are being stopped
}

// errClosed is what waiters learn when the host closes.
var errClosed = errors.New("the plugin host is closed")

// New makes a Host. It launches nothing and makes no folders; it fails when the
// lock file cannot be used.
func New(o Options) (*Host, error) {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = DefaultIdleTimeout
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = DefaultStartTimeout
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	h := &Host{options: o, limits: defaultLimits(), log: o.Logger, slots: map[string]*slot{}, live: map[*process]struct{}{},
		environment: connectorEnvironment(o.Environ, o.EnvAllow, o.Logger.GetLevel()),
		cache:       cache{dir: o.CacheDir},
		runDir:      runDir{wanted: o.RunDir},
		pinned:      pins{file: o.LockFile, required: o.RequirePinned}}
	if err := h.pinned.load(); err != nil {
		return nil, err
	}
	h.stopping, h.stop = context.WithCancelCause(context.Background())
	return h, nil
}

// Close stops every process and waits until all are gone: gracefully at first, by
// force after a bounded time. Whoever still uses one sees sdk.ErrGone; later uses
// fail. It may be called again.
func (h *Host) Close() error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		h.stop(errClosed)
		for p := range h.live {
			h.retire(p)
			if p.users > 0 { // otherwise retire has begun it
				h.beginStop(p)
			}
		}
	}
	h.mu.Unlock()
	h.work.Wait()
	return h.runDir.remove()
}

// background runs a piece of the host's own work that Close waits for. The caller
// holds mu, so that nothing is added once Close waits on a closed host.
func (h *Host) background(work func()) {
	h.work.Add(1)
	go func() {
		defer h.work.Done()
		work()
	}()
}
