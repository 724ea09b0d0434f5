// Package notify tells people, programs and forges how runs stand: by e-mail, Slack,
// signed webhooks, and the status of commits.
//
// It is an outbox. A notification is stored before the change of status that it tells
// of, and sent by a worker once the execution has come that far; so a crash at any point
// loses none. Its ID is made of the execution and the place in the file, so none is
// stored twice. Sending is at least once: a crash between a receiver's answer and its
// being stored sends the same message with the same ID again. A run never waits for it.
//
// What a message says, and the secrets it needs, are read when it is sent; neither is
// stored.
package notify

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Store is what a Service needs of a core.Store.
type Store interface {
	core.NotificationStore
	Execution(ctx context.Context, id string) (*core.Execution, error)
	StepRuns(ctx context.Context, executionID string) ([]*core.StepRun, error)
	Revision(ctx context.Context, pipelineID string, number int) (*core.PipelineRevision, error)
}

// Secrets gives out the values of secrets.
type Secrets interface {
	// Resolve returns the values of all names, those of the pipeline before global
	// ones, or NotFound for the first that is missing.
	Resolve(ctx context.Context, pipelineID string, names []string) (map[string]string, error)
}

// Connectors gives access to connectors.
type Connectors interface {
	core.Catalog
	// Use calls do with a live connector, which it keeps alive until do returns.
	Use(ctx context.Context, name string, do func(*sdk.Client, sdk.Info) error) error
}

// Options are the parts and settings of a Service.
type Options struct {
	Store      Store
	Secrets    Secrets
	Connectors Connectors
	Logger     hclog.Logger
	// PublicURL is where users reach the server, for links; empty is none.
	PublicURL string
	// Networks are the addresses, besides those of the public Internet, that webhooks
	// may be sent to.
	Networks []netip.Prefix
	// SMTP is the server for e-mail; without a Host there is none.
	SMTP SMTP
	// SlackURL is the base of Slack's Web API; empty is DefaultSlackURL.
	SlackURL string
	// RetryDelay is the pause before the second try; it doubles with each. 0 means
	// DefaultRetryDelay.
	RetryDelay time.Duration
	// SendTimeout bounds one try. 0 means DefaultSendTimeout.
	SendTimeout time.Duration
	// Version is the server's own.
	Version string
}

// Defaults of Options, and bounds.
const (
	DefaultSlackURL    = "https://slack.com/api"
	DefaultRetryDelay  = 5 * time.Second
	DefaultSendTimeout = 20 * time.Second
	// MaxAttempts is how often a message is tried: with DefaultRetryDelay, for three
	// quarters of an hour.
	MaxAttempts   = 10
	maxRetryDelay = 30 * time.Minute
	// maxSending is how many are sent at once, maxSameTarget how many of them to the
	// same target: one that hangs holds up no other.
	maxSending    = 16
	maxSameTarget = 4
)

// Service is the outbox and who empties it. It is safe for concurrent use; one process
// at a time sends from a store.
type Service struct {
	options Options
	log     hclog.Logger
	client  *http.Client
	specs   specs
	woken   chan struct{}

	mu      sync.Mutex
	sending map[string]bool // IDs of notifications
	targets map[string]int  // how many are being sent to each
	told    map[string]bool // executions whose start is in the outbox
	senders sync.WaitGroup
}

var _ core.NotificationKeeper = (*Service)(nil)

// New makes a Service. It sends nothing until Run.
func New(o Options) *Service {
	if o.RetryDelay == 0 {
		o.RetryDelay = DefaultRetryDelay
	}
	if o.SendTimeout == 0 {
		o.SendTimeout = DefaultSendTimeout
	}
	if o.SlackURL == "" {
		o.SlackURL = DefaultSlackURL
	}
	return &Service{options: o, log: o.Logger, client: newClient(guard{o.Networks}), woken: make(chan struct{}, 1),
		specs:   specs{known: map[revision]*core.Notifications{}},
		sending: map[string]bool{}, targets: map[string]int{}, told: map[string]bool{}}
}

// wake has the worker look at the outbox.
func (s *Service) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// revision names a revision of a pipeline, which never changes.
type revision struct {
	pipelineID string
	number     int
}

// specs remembers what pipelines want to have told. It is safe for concurrent use.
type specs struct {
	mu    sync.Mutex
	known map[revision]*core.Notifications // never nil; shared, and not changed
}

const maxSpecs = 1000

// notifications returns what the pipeline of an execution wants to have told.
func (s *Service) notifications(ctx context.Context, e *core.Execution) (*core.Notifications, error) {
	key := revision{e.PipelineID, e.Revision}
	s.specs.mu.Lock()
	wanted := s.specs.known[key]
	s.specs.mu.Unlock()
	if wanted != nil {
		return wanted, nil
	}
	r, err := s.options.Store.Revision(ctx, e.PipelineID, e.Revision)
	if err != nil {
		return nil, err
	}
	wanted = &core.Notifications{}
	if r.Spec != nil && r.Spec.Notifications != nil {
		wanted = r.Spec.Notifications
	}
	s.specs.mu.Lock()
	defer s.specs.mu.Unlock()
	if len(s.specs.known) >= maxSpecs {
		clear(s.specs.known)
	}
	s.specs.known[key] = wanted
	return wanted, nil
}
