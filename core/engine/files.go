package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/artifacts"
)

// Files keeps artifacts, caches and the workspaces of failed executions. It is safe
// for concurrent use.
type Files interface {
	Hash(workspace string, patterns ...string) (string, error)
	Collect(ctx context.Context, source artifacts.Source, workspace string, spec core.ArtifactSpec) (*core.Artifact, error)
	SaveWorkspace(ctx context.Context, source artifacts.Source, workspace string) error
	RestoreWorkspace(ctx context.Context, executionID, into string) error
	Inherit(ctx context.Context, fromExecution, toExecution string, steps func(stage, step string) bool) error
	RestoreCache(ctx context.Context, pipelineID, workspace, key string, spec core.CacheSpec) (hit string, err error)
	SaveCache(ctx context.Context, pipelineID, workspace, key string, spec core.CacheSpec) (saved bool, err error)
}

// filesLimit bounds what is done with files before or after one step.
const filesLimit = 30 * time.Minute

var errNoFiles = errors.New("artifacts and caches are not kept here")

// restoreCaches brings in what the step's caches have, and stores their keys before
// the step can change the files that they were made from.
func (l *stepLife) restoreCaches(a *core.Attempt) error {
	files := l.run.engine.options.Files
	if len(l.spec.Cache) == 0 || len(l.step.CacheKeys) > 0 || files == nil {
		return nil
	}
	ctx, cancel := l.filesContext()
	defer cancel()
	for _, spec := range l.spec.Cache {
		key, err := l.inputs.text(spec.Key, l.environment)
		if err != nil {
			return invalid(fmt.Errorf("cache key: %w", err))
		}
		restore := spec
		restore.RestoreKeys = nil
		for _, prefix := range spec.RestoreKeys {
			if prefix, err = l.inputs.text(prefix, l.environment); err != nil {
				return invalid(fmt.Errorf("cache restore_keys: %w", err))
			}
			restore.RestoreKeys = append(restore.RestoreKeys, prefix)
		}
		l.step.CacheKeys = append(l.step.CacheKeys, key)
		switch hit, err := files.RestoreCache(ctx, l.run.execution.PipelineID, l.run.workspace.Path(), key, restore); {
		case err != nil:
			// A cache only saves time: without it, the step does all of its work.
			l.say(a, "cache %s: not restored: %v", key, err)
		case hit == "":
			l.say(a, "cache %s: nothing there yet", key)
		default:
			l.say(a, "cache %s: restored%s", key, prefixed(" from ", strings.TrimPrefix(hit, key)))
		}
	}
	return l.run.saveStep(l.step)
}

// saveCaches keeps the caches of a step that succeeded.
func (l *stepLife) saveCaches(a *core.Attempt) {
	files := l.run.engine.options.Files
	if files == nil || len(l.step.CacheKeys) < len(l.spec.Cache) {
		return
	}
	ctx, cancel := l.filesContext()
	defer cancel()
	for i, spec := range l.spec.Cache {
		key := l.step.CacheKeys[i]
		saved, err := files.SaveCache(ctx, l.run.execution.PipelineID, l.run.workspace.Path(), key, spec)
		switch {
		case err != nil:
			l.say(a, "cache %s: not saved: %v", key, err)
		case saved:
			l.say(a, "cache %s: saved", key)
		}
	}
}

// collectArtifacts keeps what the step declares for how the attempt ended. Of a
// success, an error makes a failure.
func (l *stepLife) collectArtifacts(a *core.Attempt) error {
	ctx, cancel := l.filesContext()
	defer cancel()
	for _, spec := range l.spec.Artifacts {
		succeeded := a.Status == core.StatusSuccess
		if wanted := spec.When; wanted != "always" && (wanted == "failure") == succeeded {
			continue
		}
		if err := l.collect(ctx, a, spec); err != nil {
			return err
		}
	}
	return nil
}

func (l *stepLife) collect(ctx context.Context, a *core.Attempt, spec core.ArtifactSpec) error {
	files := l.run.engine.options.Files
	if files == nil {
		return errNoFiles
	}
	spec, err := l.expandArtifact(spec)
	if err != nil {
		return err
	}
	kept, err := files.Collect(ctx, l.source(), l.run.workspace.Path(), spec)
	switch {
	case err == nil:
		l.say(a, "artifact %s: %d files, %d bytes", kept.Name, len(kept.Files), kept.Size)
	case core.CodeOf(err) == core.CodeNotFound && spec.IfMissing == "ignore":
	case core.CodeOf(err) == core.CodeNotFound && spec.IfMissing == "warn":
		l.say(a, "warning: artifact %s: %v", spec.Name, err)
	default:
		return fmt.Errorf("artifact %s: %w", spec.Name, err)
	}
	return nil
}

// expandArtifact expands name and paths. The combinations of a matrix keep theirs
// apart by the values in the name, unless the name does so itself.
func (l *stepLife) expandArtifact(spec core.ArtifactSpec) (core.ArtifactSpec, error) {
	written := spec.Name
	if spec.Name == "" {
		spec.Name = l.spec.Name
	}
	var err error
	if spec.Name, err = l.inputs.text(spec.Name, l.environment); err != nil {
		return spec, fmt.Errorf("artifact name: %w", err)
	}
	n := l.run.plan.Nodes[l.node]
	if instance := l.run.plan.Instances[n.Instance]; instance.Matrix != nil && !strings.Contains(written, "${{") {
		spec.Name += strings.TrimPrefix(instance.Name, l.run.plan.Stages[n.Stage].Spec.Name)
	}
	paths := make([]string, len(spec.Paths))
	for i, path := range spec.Paths {
		if paths[i], err = l.inputs.text(path, l.environment); err != nil {
			return spec, fmt.Errorf("artifact %s, path %s: %w", spec.Name, path, err)
		}
	}
	spec.Paths = paths
	return spec, nil
}

func (l *stepLife) source() artifacts.Source {
	return artifacts.Source{ExecutionID: l.run.id, PipelineID: l.run.execution.PipelineID, Stage: l.step.Stage, Step: l.step.Name}
}

func (l *stepLife) filesContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(l.run.ctx, filesLimit)
}

// takeOver restores what a retry of parts builds on: the files of the execution that
// it repeats, and the artifacts of the steps that are not run again.
func (r *run) takeOver() error {
	retry := r.execution.Retry
	if retry == nil || retry.Mode == core.RetryAll || r.execution.Status != core.StatusPending {
		return nil
	}
	files := r.engine.options.Files
	if files == nil {
		return &unrunnable{errNoFiles.Error()}
	}
	reused := map[[2]string]bool{}
	for _, step := range r.steps {
		if step.Reused {
			reused[[2]string{step.Stage, step.Name}] = true
		}
	}
	err := r.persist("restore the workspace", func() error {
		if err := files.RestoreWorkspace(r.ctx, retry.Of, r.workspace.Path()); err != nil {
			return err
		}
		return files.Inherit(r.ctx, retry.Of, r.id, func(stage, step string) bool { return reused[[2]string{stage, step}] })
	})
	if core.CodeOf(err) == core.CodeNotFound {
		return &unrunnable{fmt.Sprintf("the workspace of execution %s is not kept any more; retry the whole execution", retry.Of)}
	}
	return err
}

// keepWorkspace saves the files of an execution that failed, for a retry of parts.
func (r *run) keepWorkspace(status core.Status) {
	files := r.engine.options.Files
	if files == nil || r.engine.options.CancelOnDisconnect || (status != core.StatusFailed && status != core.StatusTimeout) {
		return
	}
	ctx, cancel := context.WithTimeout(r.ctx, filesLimit)
	defer cancel()
	source := artifacts.Source{ExecutionID: r.id, PipelineID: r.execution.PipelineID}
	if err := files.SaveWorkspace(ctx, source, r.workspace.Path()); err != nil && r.ctx.Err() == nil {
		r.log.Warn("the workspace could not be kept for a retry", "error", err)
		r.say(-1, 0, "the workspace could not be kept, so only the whole execution can be retried: %v", err)
	}
}
