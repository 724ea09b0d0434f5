// Package artifacts keeps files of a run's workspace: artifacts that users declared,
// caches, and the workspaces of executions that are tried again. Content is in a
// core.BlobStore by its hash, what is known of it in a core.ArtifactStore.
//
// Content is stored before the document that names it, and removed only some time
// after the last document that did. So whatever is killed at whatever moment, a
// document has its content; what nobody names is removed by Maintain.
//
// Everything is read and written through an os.Root of the workspace: whatever
// symlinks a step has made there, nothing outside it is touched.
package artifacts

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
)

// Store is what the service needs of a core.Store.
type Store = core.ArtifactStore

// Source says where files come from.
type Source struct {
	ExecutionID, PipelineID, Stage, Step string
}

// Limits bounds what is kept. Sizes are in bytes; what is not positive has
// its default.
type Limits struct {
	// File is the size of one file of an artifact (1 GiB), Artifact that of all of
	// them (2 GiB) and Files their number (10,000).
	File, Artifact int64
	Files          int
	// Workspace is the size of a workspace (1 GiB) and Cache that of one cache
	// (2 GiB), both packed but not yet compressed.
	Workspace, Cache int64
	// Caches is the size of all caches of a server (10 GiB), compressed; the least
	// recently used are removed beyond it.
	Caches int64
	// Retention is how long an artifact is kept that says nothing itself (30 days),
	// and WorkspaceRetention how long a workspace is (7 days).
	Retention, WorkspaceRetention time.Duration
	// Interval is the time between two rounds of Maintain (10 minutes).
	Interval time.Duration
}

func (l Limits) withDefaults() Limits {
	const gib, day = 1 << 30, 24 * time.Hour
	return Limits{
		File: positive(l.File, gib), Artifact: positive(l.Artifact, 2*gib), Files: positive(l.Files, 10_000),
		Workspace: positive(l.Workspace, gib), Cache: positive(l.Cache, 2*gib), Caches: positive(l.Caches, 10*gib),
		Retention: positive(l.Retention, 30*day), WorkspaceRetention: positive(l.WorkspaceRetention, 7*day),
		Interval: positive(l.Interval, 10*time.Minute),
	}
}

func positive[T int | int64 | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// Service keeps files and gives them out. It is safe for concurrent use; one Service
// uses a store and its contents at a time.
type Service struct {
	store  Store
	blobs  core.BlobStore
	limits Limits
	log    hclog.Logger

	// inheriting is held by who gives old content a new document, and by the sweep
	// against it: what it reads about the use of content stays true until it ends.
	inheriting sync.RWMutex

	mu      sync.Mutex
	storing map[*time.Time]struct{} // when those began that are storing content
}

// New makes a service. Nothing is ever removed unless Maintain runs.
func New(store Store, blobs core.BlobStore, limits Limits, log hclog.Logger) *Service {
	return &Service{store: store, blobs: blobs, limits: limits.withDefaults(), log: log, storing: map[*time.Time]struct{}{}}
}

// begin notes that content is being stored that no document names yet, and keeps the
// sweep from it until the returned function is called.
func (s *Service) begin() (end func()) {
	at := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storing[&at] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.storing, &at)
	}
}

func openWorkspace(workspace string) (*os.Root, error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return nil, &core.Error{Code: core.CodeUnavailable, Message: "the workspace cannot be opened", Err: err}
	}
	return root, nil
}

// newID makes IDs that sort in the order in which they were made.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", &core.Error{Code: core.CodeInternal, Message: "no random numbers", Err: err}
	}
	return id.String(), nil
}

// now is a time as every store keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Hash is HashFiles, for those who know the service by an interface.
func (s *Service) Hash(workspace string, patterns ...string) (string, error) {
	return HashFiles(workspace, patterns...)
}

// remove deletes an artifact that may be gone by now.
func (s *Service) remove(ctx context.Context, id string) error {
	if err := s.store.DeleteArtifact(ctx, id); core.CodeOf(err) != core.CodeNotFound {
		return err
	}
	return nil
}

var _ core.ArtifactReader = (*Service)(nil)
