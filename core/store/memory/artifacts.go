package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateArtifact implements core.ArtifactStore.
func (s *Store) CreateArtifact(ctx context.Context, a *core.Artifact) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, other := range s.artifacts {
		if id == a.ID || other.ExecutionID == a.ExecutionID && other.Name == a.Name {
			return core.Conflict("artifact", a.Name)
		}
	}
	s.artifacts[a.ID] = copyArtifact(*a)
	return nil
}

// Artifact implements core.ArtifactStore.
func (s *Store) Artifact(ctx context.Context, id string) (*core.Artifact, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, found := s.artifacts[id]
	if !found {
		return nil, core.NotFound("artifact", id)
	}
	a := copyArtifact(stored)
	return &a, nil
}

// Artifacts implements core.ArtifactStore.
func (s *Store) Artifacts(ctx context.Context, executionID string) ([]*core.Artifact, error) {
	list, err := s.artifactsOf(ctx, func(a *core.Artifact) bool { return a.ExecutionID == executionID })
	slices.SortFunc(list, func(a, b *core.Artifact) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

// ExpiredArtifacts implements core.ArtifactStore: those that expired first come
// first. One without a time never expires.
func (s *Store) ExpiredArtifacts(ctx context.Context, before time.Time, limit int) ([]*core.Artifact, error) {
	list, err := s.artifactsOf(ctx, func(a *core.Artifact) bool {
		return !a.ExpiresAt.IsZero() && a.ExpiresAt.Before(before)
	})
	slices.SortFunc(list, func(a, b *core.Artifact) int {
		return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(len(list), max(limit, 0))], err
}

func (s *Store) artifactsOf(ctx context.Context, wanted func(*core.Artifact) bool) ([]*core.Artifact, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*core.Artifact{}
	for _, stored := range s.artifacts {
		if wanted(&stored) {
			a := copyArtifact(stored)
			list = append(list, &a)
		}
	}
	return list, nil
}

// DeleteArtifact implements core.ArtifactStore.
func (s *Store) DeleteArtifact(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.artifacts[id]; !found {
		return core.NotFound("artifact", id)
	}
	delete(s.artifacts, id)
	return nil
}

// BlobsInUse implements core.ArtifactStore. The hashes are those of one moment; fn
// may use the store.
func (s *Store) BlobsInUse(ctx context.Context, fn func(sha256 string)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var hashes []string
	s.mu.RLock()
	for _, a := range s.artifacts {
		for _, file := range a.Files {
			hashes = append(hashes, file.SHA256)
		}
	}
	for _, c := range s.caches {
		hashes = append(hashes, c.SHA256)
	}
	for _, d := range s.deliveries {
		if d.document.InBlob {
			hashes = append(hashes, d.document.SHA256)
		}
	}
	s.mu.RUnlock()
	for _, hash := range hashes {
		fn(hash)
	}
	return nil
}

func copyArtifact(a core.Artifact) core.Artifact {
	a.Files = slices.Clone(a.Files)
	return a
}
