// Package webhook takes deliveries of forges and other senders in.
//
// The way of a delivery: its connector verifies it and says in common terms what
// happened (ParseWebhook); the triggers of the pipelines say which of them it starts;
// it is stored with that decision; then the executions are created, under IDs that are
// derived from the delivery's, and the sender gets its answer. A server that dies in
// between does the rest at its next start: since the IDs are known, nothing is created
// twice.
package webhook

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/semaphore"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Store is what a Service needs of a store.
type Store interface {
	core.DeliveryStore
	Pipeline(ctx context.Context, id string) (*core.Pipeline, error)
	Pipelines(ctx context.Context, page core.Page) ([]*core.Pipeline, error)
	Revision(ctx context.Context, pipelineID string, number int) (*core.PipelineRevision, error)
	Execution(ctx context.Context, id string) (*core.Execution, error)
}

// Connectors are those that read deliveries.
type Connectors interface {
	// Use calls do with a live connector. An sdk.ErrGone from do means that its process
	// died: the next Use gets another one.
	Use(ctx context.Context, name string, do func(client *sdk.Client, info sdk.Info) error) error
	Connectors(ctx context.Context) []*core.ConnectorInfo
}

// Secrets gives the values of secrets: those of the pipeline before global ones, which
// have no pipeline.
type Secrets interface {
	Resolve(ctx context.Context, pipelineID string, names []string) (map[string]string, error)
}

// Options are a Service's parts. All but Limits are needed.
type Options struct {
	Store      Store
	Blobs      core.BlobStore
	Connectors Connectors
	Secrets    Secrets
	Trigger    core.Triggerer
	Logger     hclog.Logger
	Limits     Limits
}

// Limits are what is kept of deliveries. Zero fields are the defaults.
type Limits struct {
	// Age is how long a delivery is kept. For that time, the same one again is known
	// for what it is.
	Age time.Duration
	// Count is how many deliveries are kept, and Bytes how many bytes of bodies.
	Count int
	Bytes int64
}

// Defaults of Limits.
const (
	DefaultAge   = 30 * 24 * time.Hour
	DefaultCount = 10_000
	DefaultBytes = 1 << 30
)

// Other bounds.
const (
	// inlineBody is the longest body that is stored with its document: a file of its own
	// would cost each delivery two syncs of the disk, which a document shares with others.
	inlineBody = 64 << 10
	// maxParsing is how many bytes are with connectors at once, each of which is there
	// several times over; a small delivery counts as smallParsing.
	maxParsing   = 64 << 20
	smallParsing = 2 << 20
	// parseTimeout is how long a connector may take over one.
	parseTimeout = 30 * time.Second
	// maxGroups is how many secrets are tried on one delivery.
	maxGroups = 16
	// maxRefused is how many refused deliveries are kept.
	maxRefused = 1000
)

// Service implements core.Webhooks. It is safe for concurrent use.
type Service struct {
	Options
	// decoy is the secret of what has none: nobody knows it.
	decoy    string
	parsing  *semaphore.Weighted
	senders  senders
	index    index
	specs    specs
	refusals allowance
	// wake tells Run that a delivery is left to be worked on.
	wake chan struct{}
}

var _ core.Webhooks = (*Service)(nil)

// New makes a service; Run does what is left over from before.
func New(o Options) *Service {
	if o.Limits.Age <= 0 {
		o.Limits.Age = DefaultAge
	}
	if o.Limits.Count <= 0 {
		o.Limits.Count = DefaultCount
	}
	if o.Limits.Bytes <= 0 {
		o.Limits.Bytes = DefaultBytes
	}
	return &Service{Options: o, decoy: rand.Text(), parsing: semaphore.NewWeighted(maxParsing),
		index: index{pipelines: map[string]indexed{}, changed: map[string]bool{}}, specs: specs{known: map[string]*core.Spec{}},
		wake: make(chan struct{}, 1)}
}

// Changed says that a pipeline was created, updated or deleted. It does not block.
func (s *Service) Changed(pipelineID string) {
	s.specs.forget(pipelineID)
	s.index.touch(pipelineID)
}
