package artifacts

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/patchbay-ci/patchbay/core"
)

// workspaceName is the name of the artifact that is a workspace; users' artifacts
// have others.
const workspaceName = ".workspace"

// storers is how many files of an artifact are stored at once: their syncs wait for
// the disk together.
const storers = 4

// Collect keeps the files of a workspace that spec chooses, under spec.Name or else
// the step's name. An artifact of that name by the same step is replaced: the step
// was tried again. One of another step is CodeConflict, no file at all NotFound, too
// many or too large ones CodeTooLarge. Symlinks to files in the workspace are kept as
// files; what is no file, or outside, is left out.
func (s *Service) Collect(ctx context.Context, source Source, workspace string, spec core.ArtifactSpec) (*core.Artifact, error) {
	defer s.begin()()
	name := cmp.Or(spec.Name, source.Step)
	if name == "" || name == workspaceName || !utf8.ValidString(name) {
		return nil, core.Errorf(core.CodeInvalid, "an artifact cannot be called %q", name)
	}
	chosen, err := parse(spec.Paths)
	if err != nil {
		return nil, err
	}
	root, err := openWorkspace(workspace)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files, size, err := s.storeFiles(ctx, root, &chosen)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, &core.Error{Code: core.CodeNotFound, Message: "no file matches " + strings.Join(spec.Paths, ", "),
			Suggestions: []string{"paths are relative to the workspace, not to the step's working directory"}}
	}
	retention := cmp.Or(time.Duration(spec.Retention), s.limits.Retention)
	a := &core.Artifact{ExecutionID: source.ExecutionID, PipelineID: source.PipelineID, Kind: core.ArtifactFiles, Name: name,
		Stage: source.Stage, Step: source.Step, Files: files, Size: size, CreatedAt: now(), ExpiresAt: now().Add(retention)}
	return a, s.replace(ctx, a)
}

// storeFiles stores the contents of all files that are chosen, sorted by path.
func (s *Service) storeFiles(ctx context.Context, root *os.Root, chosen *selection) (files []core.ArtifactFile, size int64, err error) {
	var mu sync.Mutex // over files and size
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(storers)
	found := 0
	walked := chosen.walk(groupCtx, root, func(name string, entry fs.DirEntry) error {
		file, err := openFile(root, name, entry)
		if file == nil || err != nil {
			return err
		}
		if found++; found > s.limits.Files {
			return errors.Join(tooLarge("there are more than %d files", s.limits.Files), file.Close())
		}
		group.Go(func() error {
			defer file.Close()
			stored, err := s.storeFile(groupCtx, name, file)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			files = append(files, stored)
			if size += stored.Size; size > s.limits.Artifact {
				return tooLarge("the files have more than %d bytes together", s.limits.Artifact)
			}
			return nil
		})
		return nil
	})
	// When storing failed, the walk was cancelled: that is not what went wrong.
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	if walked != nil {
		return nil, 0, walked
	}
	slices.SortFunc(files, func(a, b core.ArtifactFile) int { return cmp.Compare(a.Path, b.Path) })
	return files, size, nil
}

func (s *Service) storeFile(ctx context.Context, name string, file *os.File) (core.ArtifactFile, error) {
	stored := core.ArtifactFile{Path: name}
	if !utf8.ValidString(name) { // JSON has no way to say it
		return stored, core.Errorf(core.CodeInvalid, "the file name %q is no UTF-8: it cannot be kept", name)
	}
	info, err := file.Stat()
	if err != nil {
		return stored, unreadable(name, err)
	}
	stored.Mode = uint32(info.Mode().Perm())
	limit := min(s.limits.File, s.limits.Artifact)
	if info.Size() > limit { // it need not be read to know
		return stored, tooLarge("%s has more than %d bytes", name, limit)
	}
	stored.SHA256, stored.Size, err = s.blobs.Put(ctx, file, limit)
	if core.CodeOf(err) == core.CodeTooLarge {
		return stored, tooLarge("%s has more than %d bytes", name, limit)
	}
	return stored, err
}

func tooLarge(format string, args ...any) error {
	err := core.Errorf(core.CodeTooLarge, format, args...)
	err.Suggestions = []string{"choose less, or have the server's limit raised"}
	return err
}

// replace stores a under its name, in place of one that the same step has there.
func (s *Service) replace(ctx context.Context, a *core.Artifact) error {
	const tries = 10 // each lost to somebody who stores the same at the same time
	var err error
	for range tries {
		if a.ID, err = newID(); err != nil {
			return err
		}
		if err = s.store.CreateArtifact(ctx, a); core.CodeOf(err) != core.CodeConflict {
			return err
		}
		list, listErr := s.store.Artifacts(ctx, a.ExecutionID)
		if listErr != nil {
			return listErr
		}
		for _, other := range list {
			if other.Name != a.Name {
				continue
			}
			if other.Stage != a.Stage || other.Step != a.Step {
				return &core.Error{Code: core.CodeConflict,
					Message:     "the step " + other.Stage + "/" + other.Step + " has an artifact " + a.Name + " already",
					Suggestions: []string{"give each artifact of a pipeline a name of its own"}}
			}
			if err := s.remove(ctx, other.ID); err != nil {
				return err
			}
		}
	}
	return err
}

// Inherit gives an execution the artifacts of another one's steps that steps chooses:
// their contents are not copied, and are kept as long again. It may be called again.
func (s *Service) Inherit(ctx context.Context, fromExecution, toExecution string, steps func(stage, step string) bool) error {
	s.inheriting.RLock()
	defer s.inheriting.RUnlock()
	list, err := s.store.Artifacts(ctx, fromExecution)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.Kind != core.ArtifactFiles || !steps(a.Stage, a.Step) {
			continue
		}
		kept := a.ExpiresAt.Sub(a.CreatedAt)
		a.ExecutionID, a.CreatedAt = toExecution, now()
		a.ExpiresAt = a.CreatedAt.Add(kept)
		if a.ID, err = newID(); err != nil {
			return err
		}
		// One that is there already is of the same step: from a call before this one.
		if err := s.store.CreateArtifact(ctx, a); err != nil && core.CodeOf(err) != core.CodeConflict {
			return err
		}
	}
	return nil
}
