package artifacts

import (
	"context"
	"io"
	"os"

	"github.com/patchbay-ci/patchbay/core"
)

// SaveWorkspace keeps the whole workspace of an execution, in place of what was kept
// of it before. One that is larger than Limits.Workspace is CodeTooLarge. Devices,
// pipes and owners are not kept.
func (s *Service) SaveWorkspace(ctx context.Context, source Source, workspace string) error {
	defer s.begin()()
	root, err := openWorkspace(workspace)
	if err != nil {
		return err
	}
	defer root.Close()
	everything, err := parse([]string{"."})
	if err != nil {
		return err
	}
	file := core.ArtifactFile{Path: "workspace.tar.zst", Mode: 0o600}
	hash, size, err := s.storePacked(ctx, root, &everything, s.limits.Workspace)
	if err != nil {
		return err
	}
	a := &core.Artifact{ExecutionID: source.ExecutionID, PipelineID: source.PipelineID, Kind: core.ArtifactWorkspace,
		Name: workspaceName, Size: size, CreatedAt: now(), ExpiresAt: now().Add(s.limits.WorkspaceRetention)}
	if hash != "" { // an empty workspace has no content
		file.SHA256, file.Size = hash, size
		a.Files = []core.ArtifactFile{file}
	}
	return s.replace(ctx, a)
}

// RestoreWorkspace writes what was kept of an execution's workspace into a folder, in
// place of files of the same names there. NotFound means that nothing is kept. An
// error may leave some of the files.
func (s *Service) RestoreWorkspace(ctx context.Context, executionID, into string) error {
	list, err := s.store.Artifacts(ctx, executionID)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.Kind != core.ArtifactWorkspace {
			continue
		}
		root, err := openWorkspace(into)
		if err != nil {
			return err
		}
		defer root.Close()
		for _, file := range a.Files {
			if err := s.unpackStored(ctx, root, file.SHA256, s.limits.Workspace); err != nil {
				return err
			}
		}
		return nil
	}
	return core.NotFound("kept workspace of execution", executionID)
}

// unpackStored reads an archive to its end before it writes anything: of one that is
// damaged, nothing is written. Once it is open, nobody can take it away.
func (s *Service) unpackStored(ctx context.Context, root *os.Root, hash string, limit int64) error {
	content, err := s.blobs.Open(ctx, hash)
	if err != nil {
		return err
	}
	defer content.Close()
	if _, err := io.Copy(io.Discard, &cancellable{ctx, content}); err != nil {
		return err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return unpack(ctx, root, content, limit)
}
