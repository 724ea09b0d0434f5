package core

import (
	"context"
	"io"
	"time"
)

// ArtifactKind tells what users declared from what the engine keeps for itself.
type ArtifactKind string

// The artifact kinds.
const (
	ArtifactFiles ArtifactKind = "files"
	// ArtifactWorkspace is the workspace of a failed execution, for its retry. It
	// is one file, a compressed tar.
	ArtifactWorkspace ArtifactKind = "workspace"
)

// Artifact is a set of files that an execution left. Their content is kept by its
// hash, so the same file is there once.
type Artifact struct {
	ID          string       `json:"id" bson:"_id"`
	ExecutionID string       `json:"execution_id" bson:"execution_id"`
	PipelineID  string       `json:"pipeline_id" bson:"pipeline_id"`
	Kind        ArtifactKind `json:"kind" bson:"kind"`
	Name        string       `json:"name" bson:"name"`
	Stage       string       `json:"stage,omitempty" bson:"stage,omitempty"`
	Step        string       `json:"step,omitempty" bson:"step,omitempty"`
	// Files are sorted by path.
	Files []ArtifactFile `json:"files" bson:"files"`
	// Size is that of all files together, in bytes.
	Size      int64     `json:"size" bson:"size"`
	CreatedAt time.Time `json:"created_at" bson:"created_at"`
	ExpiresAt time.Time `json:"expires_at" bson:"expires_at"`
}

// ArtifactFile is one file of an artifact.
type ArtifactFile struct {
	// Path is relative to the workspace, with slashes.
	Path   string `json:"path" bson:"path"`
	Size   int64  `json:"size" bson:"size"`
	Mode   uint32 `json:"mode" bson:"mode"`
	SHA256 string `json:"sha256" bson:"sha256"`
}

// CacheEntry is a saved cache: a compressed tar, kept by its hash. It never
// changes but for UsedAt.
type CacheEntry struct {
	ID         string    `json:"id" bson:"_id"`
	PipelineID string    `json:"pipeline_id" bson:"pipeline_id"`
	Key        string    `json:"key" bson:"key"`
	SHA256     string    `json:"sha256" bson:"sha256"`
	Size       int64     `json:"size" bson:"size"`
	CreatedAt  time.Time `json:"created_at" bson:"created_at"`
	UsedAt     time.Time `json:"used_at" bson:"used_at"`
}

// BlobStore keeps content by its SHA-256. It is safe for concurrent use.
type BlobStore interface {
	// Put stores what r has and returns its hash in hex and its size. More than
	// limit bytes is CodeTooLarge, and nothing is stored. It is on disk when it
	// returns.
	Put(ctx context.Context, r io.Reader, limit int64) (sha256 string, size int64, err error)
	// Open returns NotFound for content that is not there.
	Open(ctx context.Context, sha256 string) (io.ReadSeekCloser, error)
	// Sweep removes what is older than before and whose hash keep does not want.
	Sweep(ctx context.Context, before time.Time, keep func(sha256 string) bool) (freed int64, err error)
	// Size is that of all content, in bytes.
	Size(ctx context.Context) (int64, error)
}

// ArtifactReader gives out artifacts. It is safe for concurrent use.
type ArtifactReader interface {
	// Artifacts lists those of an execution, by name; with Kind files only.
	Artifacts(ctx context.Context, executionID string) ([]*Artifact, error)
	Artifact(ctx context.Context, id string) (*Artifact, error)
	// OpenFile opens one file of an artifact by its path.
	OpenFile(ctx context.Context, artifact *Artifact, path string) (io.ReadSeekCloser, *ArtifactFile, error)
	// WriteArchive writes all files as a ZIP archive.
	WriteArchive(ctx context.Context, artifact *Artifact, w io.Writer) error
}
