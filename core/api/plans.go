package api

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// revisionKey names a text of a pipeline.
type revisionKey struct {
	pipeline string
	number   int
}

// planner remembers what executions run over one request.
type planner map[revisionKey]*plan.Plan

// plan returns what an execution runs. It is empty when the pipeline was deleted in the
// moment of the trigger: such an execution has failed, and must not take the others of
// a list with it.
func (h *handlers) plan(ctx context.Context, e *core.Execution, known planner) (*plan.Plan, error) {
	key := revisionKey{e.PipelineID, e.Revision}
	if compiled, found := known[key]; found {
		return compiled, nil
	}
	revision, err := h.Store.Revision(ctx, e.PipelineID, e.Revision)
	if core.CodeOf(err) == core.CodeNotFound {
		revision, err = &core.PipelineRevision{Spec: &core.Spec{}}, nil
	}
	if err != nil {
		return nil, err
	}
	compiled, problems := plan.Compile(revision.Spec)
	if len(problems) > 0 { // of a time with other rules
		h.Logger.Warn("a stored revision has no plan", "pipeline", e.PipelineID, "revision", e.Revision, "problem", problems[0].Message)
		compiled = &plan.Plan{}
	}
	known[key] = compiled
	return compiled, nil
}

// view shows an execution with all its steps, also those that nothing is stored of.
func (h *handlers) view(ctx context.Context, e *core.Execution, known planner) (Execution, error) {
	compiled, err := h.plan(ctx, e, known)
	if err != nil {
		return Execution{}, err
	}
	stored, err := h.Store.StepRuns(ctx, e.ID)
	if err != nil {
		return Execution{}, err
	}
	return executionView(e, compiled, stored), nil
}

// stepName is what a step is called: its stage with the values of the matrix, and as
// the file has it.
type stepName struct {
	stage, family, step string
	hooks               *core.Hooks
}

// stepNames are the names by the step's index.
type stepNames []stepName

func newStepNames(compiled *plan.Plan) stepNames {
	names := make(stepNames, 0, len(compiled.Nodes))
	for i := range compiled.Nodes {
		node := &compiled.Nodes[i]
		names = append(names, stepName{compiled.Instances[node.Instance].Name, compiled.Stages[node.Stage].Spec.Name, node.Step.Name, node.Step.Hooks})
	}
	return names
}

// of returns empty names for the execution itself.
func (n stepNames) of(index int) stepName {
	if index < 0 || index >= len(n) {
		return stepName{}
	}
	return n[index]
}

// named returns an execution and the names of its steps.
func (h *handlers) named(ctx context.Context, id string) (*core.Execution, stepNames, error) {
	e, err := h.Store.Execution(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	compiled, err := h.plan(ctx, e, planner{})
	if err != nil {
		return nil, nil, err
	}
	return e, newStepNames(compiled), nil
}
