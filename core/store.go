package core

import (
	"context"
	"time"
)

// Page asks for a part of a list, newest first.
type Page struct {
	// Limit is how many at the most; 0 means DefaultPageLimit.
	Limit int
	// After is the ID of the last item already seen; empty to begin.
	After string
}

// Bounds of Page.Limit.
const (
	DefaultPageLimit = 50
	MaxPageLimit     = 500
)

// PipelineStore keeps pipelines and their revisions. It is safe for concurrent
// use. Lookups that find nothing return NotFound.
type PipelineStore interface {
	// CreatePipeline stores a pipeline with its first revision, all or nothing,
	// and sets p.Version to 1. It is on disk when it returns.
	CreatePipeline(ctx context.Context, p *Pipeline, first *PipelineRevision) error
	// UpdatePipeline stores p with a new revision if the stored version is still
	// p.Version, and returns Conflict otherwise. It increments p.Version. The new
	// revision may be nil.
	UpdatePipeline(ctx context.Context, p *Pipeline, next *PipelineRevision) error
	// DeletePipeline removes the pipeline. Its revisions stay while executions
	// name them.
	DeletePipeline(ctx context.Context, id string) error
	Pipeline(ctx context.Context, id string) (*Pipeline, error)
	// Pipelines returns a page, newest first (IDs are UUIDv7, so by ID descending).
	Pipelines(ctx context.Context, page Page) ([]*Pipeline, error)
	// Revision also answers for a deleted pipeline that has executions.
	Revision(ctx context.Context, pipelineID string, number int) (*PipelineRevision, error)
	// Revisions returns all revisions of a pipeline without YAML and Spec, newest first.
	Revisions(ctx context.Context, pipelineID string) ([]*PipelineRevision, error)
}

// ExecutionFilter narrows a list of executions; zero fields do not.
type ExecutionFilter struct {
	PipelineID string
	Statuses   []Status
	Page       Page
}

// ExecutionStore keeps executions and their steps. It is safe for concurrent
// use. Lookups that find nothing return NotFound.
type ExecutionStore interface {
	// CreateExecution assigns e.Number, the next of its pipeline, sets e.Version
	// to 1 and stores e. It is on disk when it returns: an acknowledged trigger is
	// never lost.
	CreateExecution(ctx context.Context, e *Execution) error
	// UpdateExecution stores e if the stored version is still e.Version, and
	// returns Conflict otherwise. It increments e.Version.
	UpdateExecution(ctx context.Context, e *Execution) error
	Execution(ctx context.Context, id string) (*Execution, error)
	// Executions returns a page, newest first.
	Executions(ctx context.Context, filter ExecutionFilter) ([]*Execution, error)
	// SaveStepRun inserts s when s.Version is 0 and updates it otherwise, under
	// the same rule as UpdateExecution. It increments s.Version.
	SaveStepRun(ctx context.Context, s *StepRun) error
	// StepRuns returns the stored steps of an execution, by index.
	StepRuns(ctx context.Context, executionID string) ([]*StepRun, error)
}

// ArtifactStore keeps what is known of artifacts and caches; the content is in a
// BlobStore. It is safe for concurrent use.
type ArtifactStore interface {
	// CreateArtifact stores a. An artifact of the same execution and name is
	// CodeConflict.
	CreateArtifact(ctx context.Context, a *Artifact) error
	Artifact(ctx context.Context, id string) (*Artifact, error)
	// Artifacts lists those of an execution, all kinds, by name.
	Artifacts(ctx context.Context, executionID string) ([]*Artifact, error)
	DeleteArtifact(ctx context.Context, id string) error
	// ExpiredArtifacts lists at most limit that expired before the given time.
	ExpiredArtifacts(ctx context.Context, before time.Time, limit int) ([]*Artifact, error)

	// PutCache stores c, in place of an entry of the same pipeline and key.
	PutCache(ctx context.Context, c *CacheEntry) error
	// CacheByKey returns NotFound when the pipeline has none of that key.
	CacheByKey(ctx context.Context, pipelineID, key string) (*CacheEntry, error)
	// CacheByPrefix returns the newest whose key begins with prefix, or NotFound.
	CacheByPrefix(ctx context.Context, pipelineID, prefix string) (*CacheEntry, error)
	TouchCache(ctx context.Context, id string, at time.Time) error
	DeleteCache(ctx context.Context, id string) error
	// Caches lists at most limit entries of all pipelines, least recently used first.
	Caches(ctx context.Context, limit int) ([]*CacheEntry, error)

	// BlobsInUse calls fn for the hash of every blob that an artifact, a cache or a
	// delivery refers to; some may come twice.
	BlobsInUse(ctx context.Context, fn func(sha256 string)) error
}

// SettingStore keeps small documents of the server's own: whether the queue is
// paused, when a schedule last fired. It is safe for concurrent use.
type SettingStore interface {
	// Setting returns nil when nothing is stored under the key.
	Setting(ctx context.Context, key string) ([]byte, error)
	// PutSetting is on disk when it returns; a nil value removes the key.
	PutSetting(ctx context.Context, key string, value []byte) error
}

// Store is everything a server keeps outside logs and files.
type Store interface {
	PipelineStore
	ExecutionStore
	UserStore
	TokenStore
	SessionStore
	SigningKeyStore
	AuditStore
	SecretStore
	ArtifactStore
	SettingStore
	DeliveryStore
	KeyedRequestStore
	NotificationStore
	DeploymentStore
	// Kind names the implementation for people: "sqlite", "memory".
	Kind() string
	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
	Close() error
}
