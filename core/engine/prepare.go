package engine

import (
	"errors"
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// unrunnable is the error of an execution that can never run.
type unrunnable struct{ reason string }

func (u *unrunnable) Error() string { return u.reason }

// errEnded says that there is nothing to do.
var errEnded = errors.New("the execution has ended")

// prepare reads the execution and all that belongs to it, and marks it running.
func (r *run) prepare() error {
	err := r.persist("read the execution", func() (err error) {
		r.execution, err = r.engine.options.Store.Execution(r.ctx, r.id)
		return err
	})
	if err != nil {
		return err
	}
	if r.execution.Status.Terminal() {
		return errEnded
	}
	if err := r.makePlan(); err != nil {
		return err
	}
	if err := r.loadSteps(); err != nil {
		return err
	}
	r.learnSecrets()
	if err := r.learnValues(); err != nil {
		return err
	}
	if r.workspace, err = r.engine.options.Workspaces.Open(r.id); err != nil {
		return &unrunnable{err.Error()}
	}
	if err := r.takeOver(); err != nil {
		return err
	}
	r.builtin = builtinEnvironment(r.execution, r.workspace.Path())
	err = r.persist("open the log", func() (err error) {
		r.logs, err = r.engine.options.Logs.OpenLog(r.ctx, r.id)
		return err
	})
	if err != nil {
		return err
	}
	if r.execution.Status != core.StatusRunning {
		err = r.updateExecution(func(e *core.Execution) {
			at := now()
			e.Status, e.StartedAt = core.StatusRunning, &at
		})
	}
	if err != nil {
		_ = r.logs.Close()
		return err
	}
	r.beginTrace()
	r.catchUp()
	return nil
}

// makePlan compiles the revision that the execution was triggered with.
func (r *run) makePlan() error {
	var revision *core.PipelineRevision
	err := r.persist("read the pipeline", func() (err error) {
		revision, err = r.engine.options.Store.Revision(r.ctx, r.execution.PipelineID, r.execution.Revision)
		return err
	})
	if err != nil {
		return err
	}
	r.spec = revision.Spec
	compiled, problems := plan.Compile(r.spec)
	if len(problems) > 0 {
		return &unrunnable{"the pipeline has no order to run in: " + problems[0].Message}
	}
	r.plan, r.schedule = compiled, newSchedule(compiled)
	r.instanceHalt = make([]*stopReason, len(compiled.Instances))
	r.instanceStarted = make([]bool, len(compiled.Instances))
	r.paramTypes = make(map[string]core.ParamType, len(r.spec.Params))
	for _, p := range r.spec.Params {
		r.paramTypes[p.Name] = p.Type
	}
	r.outputs, r.expressive = newOutputs(compiled), expressive(compiled, r.spec.Environment)
	if r.conditions, err = parseConditions(compiled); err != nil {
		return &unrunnable{err.Error()}
	}
	return nil
}

// loadSteps makes a StepRun of every node: the stored one, or a pending one.
func (r *run) loadSteps() error {
	r.steps = make([]*core.StepRun, len(r.plan.Nodes))
	for i, node := range r.plan.Nodes {
		r.steps[i] = &core.StepRun{ExecutionID: r.id, Index: i, Stage: r.plan.Instances[node.Instance].Name,
			Name: node.Step.Name, Connector: node.Step.Connector, Status: core.StatusPending}
	}
	if r.execution.Status == core.StatusPending && r.execution.Retry == nil {
		return nil // nothing can be stored yet
	}
	var stored []*core.StepRun
	err := r.persist("read the steps", func() (err error) {
		stored, err = r.engine.options.Store.StepRuns(r.ctx, r.id)
		return err
	})
	if err != nil {
		return err
	}
	for _, step := range stored {
		if step.Index < 0 || step.Index >= len(r.steps) {
			return &unrunnable{fmt.Sprintf("step %d is stored, but the pipeline has only %d", step.Index, len(r.steps))}
		}
		step.Connector = r.plan.Nodes[step.Index].Step.Connector
		r.steps[step.Index] = step
		r.failed = r.failed || counts(step)
	}
	return nil
}

// giveUp ends an execution that could not be prepared, unless the engine merely
// detached.
func (r *run) giveUp(err error) {
	var fatal *unrunnable
	switch {
	case errors.Is(err, errEnded), r.ctx.Err() != nil:
		return
	case errors.As(err, &fatal):
		r.log.Error("the execution cannot run", "reason", fatal.reason)
	default:
		r.log.Error("the execution could not be prepared", "error", err)
		fatal = &unrunnable{"the execution could not be prepared; the server's log has the details"}
	}
	// The reason is in the log before anybody is told that the execution has ended.
	logs, logErr := r.engine.options.Logs.OpenLog(r.ctx, r.id)
	if logErr == nil {
		r.logs = logs
		r.say(-1, 0, "failed: %s", fatal.reason)
		defer logs.Close()
	}
	err = r.updateExecution(func(e *core.Execution) {
		at := now()
		e.Status, e.Reason, e.FinishedAt = core.StatusFailed, fatal.reason, &at
	})
	if err != nil {
		r.log.Error("store the end of the execution", "error", err)
		return
	}
	if logErr == nil {
		_ = logs.Seal()
	}
}
