package artifacts

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// Artifacts implements core.ArtifactReader.
func (s *Service) Artifacts(ctx context.Context, executionID string) ([]*core.Artifact, error) {
	list, err := s.store.Artifacts(ctx, executionID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(a *core.Artifact) bool { return a.Kind != core.ArtifactFiles }), nil
}

// Artifact implements core.ArtifactReader. A kept workspace is NotFound: it has what
// nobody decided to give out.
func (s *Service) Artifact(ctx context.Context, id string) (*core.Artifact, error) {
	a, err := s.store.Artifact(ctx, id)
	if err == nil && a.Kind != core.ArtifactFiles {
		return nil, core.NotFound("artifact", id)
	}
	return a, err
}

// OpenFile implements core.ArtifactReader.
func (s *Service) OpenFile(ctx context.Context, artifact *core.Artifact, path string) (io.ReadSeekCloser, *core.ArtifactFile, error) {
	at, found := slices.BinarySearchFunc(artifact.Files, path, func(file core.ArtifactFile, path string) int {
		return strings.Compare(file.Path, path)
	})
	if !found {
		return nil, nil, core.NotFound("file in artifact "+artifact.Name+":", path)
	}
	file := artifact.Files[at]
	content, err := s.blobs.Open(ctx, file.SHA256)
	if err != nil {
		return nil, nil, err
	}
	return content, &file, nil
}

// WriteArchive implements core.ArtifactReader. It holds one buffer in memory, however
// large the artifact is. After an error, what was written is no whole archive.
func (s *Service) WriteArchive(ctx context.Context, artifact *core.Artifact, w io.Writer) error {
	archive := zip.NewWriter(w)
	for i := range artifact.Files {
		if err := s.archiveFile(ctx, archive, artifact, &artifact.Files[i]); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

func (s *Service) archiveFile(ctx context.Context, archive *zip.Writer, artifact *core.Artifact, file *core.ArtifactFile) error {
	content, err := s.blobs.Open(ctx, file.SHA256)
	if err != nil {
		return err
	}
	defer content.Close()
	header := &zip.FileHeader{Name: file.Path, Method: zip.Deflate, Modified: artifact.CreatedAt}
	header.SetMode(fs.FileMode(file.Mode) & fs.ModePerm)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	if _, err := io.Copy(entry, &cancellable{ctx, content}); err != nil {
		return fmt.Errorf("write %s into the archive: %w", file.Path, err)
	}
	return nil
}
