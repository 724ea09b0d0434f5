// Package engine runs executions: it plans the steps of a pipeline's revision,
// starts each when its turn has come, joins what was running after a restart, and
// leaves nothing behind.
//
// Every change of status is stored before it takes effect, and what a step leaves
// in the outside world is removed only after its result is stored. So a crash at
// any point is answered in one way: read the store, call RunStep again.
package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/queue"
	"github.com/patchbay-ci/patchbay/core/workspace"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Store is what the engine needs of a core.Store.
type Store interface {
	core.ExecutionStore
	Revision(ctx context.Context, pipelineID string, number int) (*core.PipelineRevision, error)
}

// Connectors gives access to running connectors.
type Connectors interface {
	// Use calls do with a live connector, which it launches if need be and keeps
	// alive until do returns. An sdk.ErrGone from do tells it that the process died.
	Use(ctx context.Context, name string, do func(*sdk.Client, sdk.Info) error) error
}

// Workspaces makes the folders of runs.
type Workspaces interface {
	Open(executionID string) (*workspace.Workspace, error)
}

// Secrets gives out the values of secrets.
type Secrets interface {
	// Resolve returns the values of all names, those of the pipeline before global
	// ones, or an error that names what is missing.
	Resolve(ctx context.Context, pipelineID string, names []string) (map[string]string, error)
}

// Observer is told of changes after they are stored, from several goroutines at
// once, but one call at a time for one step. It must not block and must not keep
// or change what it is given.
type Observer interface {
	ExecutionChanged(e *core.Execution)
	StepChanged(s *core.StepRun)
	StepProgress(s *core.StepRun, message string, percent int)
}

// Options are the engine's parts and settings.
type Options struct {
	Store      Store
	Logs       core.LogOpener
	Connectors Connectors
	Workspaces Workspaces
	// Secrets may be nil: then no step gets any.
	Secrets Secrets
	// Values are the secret variables of executions; nil when there are none.
	Values core.ValueKeeper
	// Files may be nil: then there are no artifacts and no caches.
	Files Files
	// Deployer may be nil: then steps that deploy are refused.
	Deployer Deployer
	// Settings keeps the wish for a pause; nil forgets it with the process.
	Settings core.SettingStore
	Logger   hclog.Logger
	// Observer may be nil.
	Observer Observer
	// Tracer may be nil.
	Tracer core.Tracer
	// NewID makes the IDs of attempts: unique for all time.
	NewID func() string
	// MaxExecutions is how many run at once; the others wait their turn. 0 means
	// DefaultMaxExecutions.
	MaxExecutions int
	// Grace is how long a cancelled step may take to end by itself. 0 means
	// DefaultGrace.
	Grace time.Duration
	// RetryDelay is the pause before the first retry; it doubles with each. 0 means
	// DefaultRetryDelay.
	RetryDelay time.Duration
	// Quota is what the workspace of one run may take; the run that takes more is
	// stopped as failed. Zero is no bound.
	Quota workspace.Quota
	// CancelOnDisconnect makes steps end with this process, however it ends: for
	// runs that nobody will come back to.
	CancelOnDisconnect bool
}

// Defaults of Options.
const (
	DefaultMaxExecutions = 64
	DefaultGrace         = 10 * time.Second
	DefaultRetryDelay    = time.Second
	maxRetryDelay        = time.Minute
)

// errDetached ends the engine's context: runs stop watching and change nothing.
var errDetached = errors.New("the engine stops; its steps go on")

// Engine runs executions. It is safe for concurrent use.
type Engine struct {
	options Options
	log     hclog.Logger

	ctx    context.Context // done when the engine detaches from everything
	detach context.CancelCauseFunc

	mu       sync.Mutex
	queue    *queue.Queue
	active   map[string]*run
	entering map[queue.Member]func() // stages that wait for their groups
	reclaims map[string]func()       // executions that want their slots back
	changed  chan struct{}           // closed for those who drain the queue; nil without any
	ending   map[string]bool         // cancelled before they began
	wishes   []wish                  // to be cancelled by the engine itself
	stopping bool
	running  sync.WaitGroup
	ends     chan struct{} // one for each of ending that is at work

	pausing sync.Mutex
}

// New makes an engine. It does nothing until Submit or Recover.
func New(o Options) *Engine {
	if o.MaxExecutions == 0 {
		o.MaxExecutions = DefaultMaxExecutions
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.RetryDelay == 0 {
		o.RetryDelay = DefaultRetryDelay
	}
	if o.Observer == nil {
		o.Observer = silent{}
	}
	if o.Tracer == nil {
		o.Tracer = core.NoTracer{}
	}
	ctx, detach := context.WithCancelCause(context.Background())
	return &Engine{options: o, log: o.Logger, ctx: ctx, detach: detach,
		queue: queue.New(o.MaxExecutions), active: map[string]*run{}, entering: map[queue.Member]func(){}, reclaims: map[string]func(){},
		ending: map[string]bool{}, ends: make(chan struct{}, maxEnding)}
}

// silent is the Observer of those who have none.
type silent struct{}

func (silent) ExecutionChanged(*core.Execution)        {}
func (silent) StepChanged(*core.StepRun)               {}
func (silent) StepProgress(*core.StepRun, string, int) {}
