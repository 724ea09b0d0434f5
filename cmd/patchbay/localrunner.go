package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/blob"
	"github.com/patchbay-ci/patchbay/core/engine"
	"github.com/patchbay-ci/patchbay/core/pipefile"
	"github.com/patchbay-ci/patchbay/core/plan"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/terminal"
	"github.com/patchbay-ci/patchbay/core/workspace"
)

// localRunner is the server's engine with everything in memory.
type localRunner struct {
	host      *pluginhost.Host
	folder    string // of the workspaces, removed at the end
	scratch   string // of the attempts, likewise
	workspace string // the user's own, or empty
	project   string // whose files are brought in, or empty
	coming    *bringing
	words     io.Writer // for what is said about that
	artifacts string    // where they are written at the end, or empty
	secrets   localSecrets
	blobs     *blob.Store  // nil when no files are to be kept
	caches    *localCaches // of earlier runs, too; nil when there are none
	approvals *localApprovals
	log       hclog.Logger
}

// localResult is how one pipeline of a file ended.
type localResult struct {
	execution *core.Execution
	steps     []*core.StepRun
	tails     *tails
}

func (a *app) newLocalRunner(workspaceFolder string, secrets localSecrets) (*localRunner, error) {
	if workspaceFolder != "" {
		if info, err := os.Stat(workspaceFolder); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("--workspace %s is not a folder", workspaceFolder)
		}
	}
	log := a.logger("error")
	host, err := a.localPluginHost(log, secrets)
	if err != nil {
		return nil, err
	}
	l := &localRunner{host: host, workspace: workspaceFolder, secrets: secrets, log: log}
	if l.folder, err = os.MkdirTemp("", "patchbay-run-"); err == nil {
		l.scratch, err = os.MkdirTemp(workspace.ScratchFolder(), "patchbay-run-")
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("make a folder for the run: %w", err)
	}
	return l, nil
}

func (l *localRunner) close() {
	l.stopBringing()
	var connectors sync.WaitGroup
	connectors.Go(func() {
		if err := l.host.Close(); err != nil {
			l.log.Error("stop the connectors", "error", err)
		}
	})
	defer connectors.Wait()
	if l.caches != nil {
		if err := l.caches.close(context.Background()); err != nil {
			l.log.Error("close the caches", "error", err)
		}
	}
	if err := errors.Join(workspace.RemoveAll(l.folder), workspace.RemoveAll(l.scratch)); err != nil {
		l.log.Error("remove the run's folders", "error", err)
	}
}

// warm launches, while the file is being parsed, the connector that nearly every
// file uses.
func (l *localRunner) warm(source []byte) {
	if bytes.Contains(source, []byte("shell")) || bytes.Contains(source, []byte("run:")) {
		l.host.Warm("shell")
	}
}

func (l *localRunner) parse(ctx context.Context, name string, source []byte, strict bool) ([]*core.Spec, []core.Diagnostic) {
	return pipefile.Parse(ctx, name, source, pipefile.Options{Catalog: l.host, Strict: strict})
}

// Open implements engine.Workspaces.
func (l *localRunner) Open(executionID string) (*workspace.Workspace, error) {
	manager, err := workspace.NewManager(l.folder, l.scratch)
	if err != nil {
		return nil, err
	}
	manager.LeaveFolders() // close removes both folders, while the connectors end
	if l.workspace != "" {
		return manager.OpenIn(executionID, l.workspace)
	}
	return manager.Open(executionID)
}

// run runs one pipeline to its end. When ctx ends, the run is cancelled, and run
// returns when nothing is left of it.
func (l *localRunner) run(ctx context.Context, spec *core.Spec, trigger core.TriggerRequest, screen *terminal.Renderer) (*localResult, error) {
	defer screen.Close()
	label(screen, spec)
	store := memory.New()
	execution, err := l.store(ctx, store, spec, trigger)
	if err != nil {
		return nil, err
	}
	if err := l.place(ctx, execution.ID); err != nil {
		return nil, err
	}
	watch := &endWatch{Renderer: screen, ended: make(chan struct{}), approvals: l.approvals}
	logs := newTails(screen)
	files, keeper := l.files(store, spec)
	runs := engine.New(engine.Options{Store: store, Logs: logs, Connectors: l.host, Workspaces: l, Logger: l.log,
		Secrets: l.secrets, Files: keeper, Observer: watch, NewID: newID, CancelOnDisconnect: true})
	asking, answered := context.WithCancel(ctx)
	defer answered()
	go l.approvals.answerAll(asking, runs)
	runs.Submit(execution)
	select {
	case <-watch.ended:
	case <-ctx.Done():
		if err := runs.Cancel(context.WithoutCancel(ctx), execution.ID, "an "+context.Cause(ctx).Error()+" signal"); err != nil && core.CodeOf(err) != core.CodeConflict {
			return nil, err
		}
		<-watch.ended
	}
	if err := runs.Shutdown(context.WithoutCancel(ctx), false); err != nil {
		return nil, err
	}
	result := &localResult{tails: logs}
	if result.execution, err = store.Execution(context.WithoutCancel(ctx), execution.ID); err != nil {
		return nil, err
	}
	if result.steps, err = store.StepRuns(context.WithoutCancel(ctx), execution.ID); err != nil {
		return nil, err
	}
	screen.Summary(result.execution, result.steps)
	if l.artifacts != "" {
		err = saveArtifacts(context.WithoutCancel(ctx), files, execution.ID, l.artifacts)
	}
	return result, err
}

// store makes the documents that a trigger makes on a server.
func (l *localRunner) store(ctx context.Context, store core.Store, spec *core.Spec, trigger core.TriggerRequest) (*core.Execution, error) {
	now := time.Now().UTC()
	pipeline := &core.Pipeline{ID: newID(), Name: spec.Name, Description: spec.Description, Revision: 1, CreatedAt: now, UpdatedAt: now}
	revision := &core.PipelineRevision{PipelineID: pipeline.ID, Number: 1, Spec: spec, CreatedAt: now}
	if err := store.CreatePipeline(ctx, pipeline, revision); err != nil {
		return nil, err
	}
	execution := &core.Execution{ID: newID(), PipelineID: pipeline.ID, PipelineName: spec.Name, Revision: 1,
		Status: core.StatusPending, Trigger: trigger.Info, Environment: trigger.Environment, Params: trigger.Params, CreatedAt: now, UpdatedAt: now}
	return execution, store.CreateExecution(ctx, execution)
}

// endWatch is an observer that also says when the execution has ended.
type endWatch struct {
	*terminal.Renderer
	ended     chan struct{}
	approvals *localApprovals
}

// StepChanged implements engine.Observer.
func (w *endWatch) StepChanged(s *core.StepRun) {
	w.Renderer.StepChanged(s)
	w.approvals.stepChanged(s)
}

// ExecutionChanged implements engine.Observer.
func (w *endWatch) ExecutionChanged(e *core.Execution) {
	w.Renderer.ExecutionChanged(e)
	if e.Status.Terminal() {
		close(w.ended)
	}
}

func label(screen *terminal.Renderer, spec *core.Spec) {
	compiled, _ := plan.Compile(spec)
	for _, node := range compiled.Nodes {
		screen.Label(node.Index, stepLabel(compiled, node))
	}
}

// newID makes an ID that sorts by time (RFC 9562, UUIDv7).
func newID() string { return uuid.Must(uuid.NewV7()).String() }
