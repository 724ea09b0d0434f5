// Package deploy looks after services: it takes releases live, checks and supervises
// them, goes back to the last good one, and knows what runs where.
//
// It is a state machine over documents in the store. A state is stored before anything is
// done in it, and all that is done is idempotent, so that a crash at any point is answered in one
// way: read the store, do the state again. The connectors make instances run and stop; what
// there is to be run, and on which ports, is decided here.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Connectors gives access to running connectors.
type Connectors interface {
	// Use calls do with a live connector, which it launches if need be and keeps alive
	// until do returns. An sdk.ErrGone from do tells it that the process died.
	Use(ctx context.Context, name string, do func(*sdk.Client, sdk.Info) error) error
}

// Secrets gives out the values of secrets.
type Secrets interface {
	// Resolve returns the values of all names, those of the pipeline before global
	// ones, or an error that names what is missing.
	Resolve(ctx context.Context, pipelineID string, names []string) (map[string]string, error)
}

// Observer is told of changes after they are stored. It must not block.
type Observer interface {
	// DeploymentEnded is called when a deployment is live, or never will be.
	DeploymentEnded(d *core.Deployment, took time.Duration)
	// InstanceRestarted is called when an instance that ended was started again.
	InstanceRestarted(d *core.Deployment)
}

// Options are the manager's parts and settings. Zero settings are the defaults.
type Options struct {
	Store      core.DeploymentStore
	Connectors Connectors
	// Secrets may be nil: then no service gets any.
	Secrets Secrets
	Logger  hclog.Logger
	// Observer may be nil.
	Observer Observer
	// Node names this server among those on one store.
	Node string
	// Folder is where connectors keep what their releases need.
	Folder string
	// NewID makes IDs that are unique for all time and in the order of time.
	NewID func() string
	// Address is where services listen; the first and last port of the range are for
	// those that do not say which they want.
	Address             string
	FirstPort, LastPort int
	// Keep is how many releases of a service are kept, MaxHistory how many deployments.
	Keep, MaxHistory int
	// MaxRestarts is how often in a row an instance that ends is started again,
	// RestartDelay the pause before the first time; it doubles with each. One that ran for
	// RestartReset begins anew.
	MaxRestarts                int
	RestartDelay, RestartReset time.Duration
	// CheckInterval is between two checks of a deployment, LiveInterval of what is live.
	CheckInterval, LiveInterval time.Duration
	// Heartbeat is how often a node says that it is there; after three of them it is
	// stale.
	Heartbeat time.Duration
}

// Defaults of Options.
const (
	DefaultAddress       = "127.0.0.1"
	DefaultFirstPort     = 20000
	DefaultLastPort      = 20999
	DefaultKeep          = 5
	DefaultMaxHistory    = 100
	DefaultMaxRestarts   = 5
	DefaultRestartDelay  = time.Second
	DefaultRestartReset  = 10 * time.Minute
	DefaultCheckInterval = time.Second
	DefaultLiveInterval  = 15 * time.Second
	DefaultHeartbeat     = 10 * time.Second
)

const (
	defaultTimeout = 5 * time.Second
	defaultRetries = 10
	defaultGrace   = 10 * time.Second
	maxRestartWait = time.Minute
	// callLimit bounds each call of a connector that changes something, besides the
	// grace of a stop.
	callLimit = 5 * time.Minute
)

// Manager looks after the services of one node. It is safe for concurrent use.
type Manager struct {
	options Options
	log     hclog.Logger
	http    *http.Client
	owner   string

	ctx   context.Context // done when the manager lets go of everything
	close context.CancelCauseFunc

	mu       sync.Mutex
	jobs     map[string]*job          // by deployment
	locks    map[string]chan struct{} // by service
	watchers map[string]watcher       // by service
	running  sync.WaitGroup
}

// errClosing ends the manager's context; services go on.
var errClosing = errors.New("the server stops; its services go on")

// New makes a manager. It does nothing until Start.
func New(o Options) *Manager {
	o.Address = orElse(o.Address, DefaultAddress)
	o.FirstPort, o.LastPort = orElse(o.FirstPort, DefaultFirstPort), orElse(o.LastPort, DefaultLastPort)
	o.Keep, o.MaxHistory = orElse(o.Keep, DefaultKeep), orElse(o.MaxHistory, DefaultMaxHistory)
	o.MaxRestarts, o.RestartDelay = orElse(o.MaxRestarts, DefaultMaxRestarts), orElse(o.RestartDelay, DefaultRestartDelay)
	o.RestartReset, o.Heartbeat = orElse(o.RestartReset, DefaultRestartReset), orElse(o.Heartbeat, DefaultHeartbeat)
	o.CheckInterval, o.LiveInterval = orElse(o.CheckInterval, DefaultCheckInterval), orElse(o.LiveInterval, DefaultLiveInterval)
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	ctx, end := context.WithCancelCause(context.Background())
	return &Manager{options: o, log: o.Logger, http: checkClient(), owner: o.NewID(), ctx: ctx, close: end,
		jobs: map[string]*job{}, locks: map[string]chan struct{}{}, watchers: map[string]watcher{}}
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

type nobody struct{}

func (nobody) DeploymentEnded(*core.Deployment, time.Duration) {}
func (nobody) InstanceRestarted(*core.Deployment)              {}

// Start takes the node over, goes on with what a crash or a restart left, and watches over
// what is live.
func (m *Manager) Start(ctx context.Context) error {
	if err := m.takeNode(ctx); err != nil {
		return fmt.Errorf("take over the services of node %s: %w", m.options.Node, err)
	}
	services, err := m.options.Store.Services(ctx)
	if err != nil {
		return err
	}
	for _, s := range services {
		if s.Node == m.options.Node {
			m.recover(s)
		}
	}
	return m.resumeAll(ctx)
}

// recover goes on with one service, in the background.
func (m *Manager) recover(s *core.Service) {
	m.goOn(func() {
		unlock, err := m.lock(m.ctx, s.Name)
		if err != nil {
			return
		}
		defer unlock()
		m.insist("recover the service "+s.Name, func() error {
			current, err := m.options.Store.Service(m.ctx, s.Name)
			if err != nil {
				return err
			}
			return m.clear(m.ctx, current)
		})
	})
}

// resumeAll goes on with the deployments that have not ended, also those that have not
// begun.
func (m *Manager) resumeAll(ctx context.Context) error {
	filter := core.DeploymentFilter{Node: m.options.Node, States: atWork, Page: core.Page{Limit: core.MaxPageLimit}}
	for {
		list, err := m.options.Store.Deployments(ctx, filter)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, d := range list {
			m.begin(d)
		}
		filter.Page.After = list[len(list)-1].ID
	}
}

// atWork are the states of deployments that somebody has to go on with.
var atWork = []core.DeploymentState{core.DeploymentPending, core.DeploymentStarting, core.DeploymentChecking,
	core.DeploymentActivating, core.DeploymentRollingBack}

// Close lets go of everything: services go on, deployments at work go on with the next
// Start.
func (m *Manager) Close() {
	m.close(errClosing)
	m.running.Wait()
}

// goOn runs something that Close waits for, unless it was called.
func (m *Manager) goOn(do func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return false
	}
	m.running.Add(1)
	go func() {
		defer m.running.Done()
		do()
	}()
	return true
}

// lock takes a service: one deployment, stop or restart of it is at work at a time, and
// those that wait come in their order.
func (m *Manager) lock(ctx context.Context, service string) (unlock func(), err error) {
	m.mu.Lock()
	lock := m.locks[service]
	if lock == nil {
		lock = make(chan struct{}, 1)
		m.locks[service] = lock
	}
	m.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// insist repeats what must be done for the store to agree with the world, until it is done
// or the manager closes, or somebody else has taken over.
func (m *Manager) insist(what string, do func() error) bool {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, maxRestartWait) {
		err := do()
		switch {
		case err == nil:
			return true
		case m.ctx.Err() != nil:
			return false
		case core.CodeOf(err) == core.CodeConflict:
			m.log.Error("somebody else looks after it; it is left alone", "what", what, "error", err)
			return false
		}
		m.log.Warn("will be tried again", "what", what, "in", wait, "error", err)
		if !pause(m.ctx, wait) {
			return false
		}
	}
}

// pause reports whether ctx is still alive after d.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
