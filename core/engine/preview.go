package engine

import (
	"context"
	"errors"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Previewed is what a node of a plan would be sent if it ran now.
type Previewed struct {
	Node plan.Node
	// Step has no attempt: nothing of it may be run.
	Step sdk.Step
	// Err says why it cannot be told, for example because it refers to what an earlier
	// step would find out.
	Err error
}

var errNoHash = errors.New("the files of the run are not known before it")

// Preview returns the steps of an execution of spec, in the order of the plan, with
// config and environment expanded as for a run in folder. Nothing is run or stored, and
// conditions are not looked at. It fails when the pipeline has no order to run in.
func Preview(ctx context.Context, execution *core.Execution, spec *core.Spec, folder string, secrets Secrets) (*plan.Plan, []Previewed, error) {
	compiled, problems := plan.Compile(spec)
	if len(problems) > 0 {
		return nil, nil, &unrunnable{"the pipeline has no order to run in: " + problems[0].Message}
	}
	r := &run{execution: execution, spec: spec, plan: compiled, builtin: builtinEnvironment(execution, folder),
		paramTypes: make(map[string]core.ParamType, len(spec.Params)),
		outputs:    newOutputs(compiled), expressive: expressive(compiled, spec.Environment)}
	for _, p := range spec.Params {
		r.paramTypes[p.Name] = p.Type
	}
	all := make([]Previewed, 0, len(compiled.Nodes))
	for i, node := range compiled.Nodes {
		if node.IsApproval() {
			continue
		}
		step, err := r.preview(ctx, i, secrets)
		step.Workspace.Path = folder
		all = append(all, Previewed{Node: node, Step: step, Err: err})
	}
	return compiled, all, nil
}

// preview expands one node as stepLife.request does for an attempt.
func (r *run) preview(ctx context.Context, node int, secrets Secrets) (sdk.Step, error) {
	spec := r.plan.Nodes[node].Step
	step := sdk.Step{Action: spec.Action}
	in := r.inputs(node)
	in.variables.Hash = func(...string) (string, error) { return "", errNoHash }
	var err error
	if len(spec.Secrets) > 0 {
		if step.Secrets, err = secrets.Resolve(ctx, r.execution.PipelineID, spec.Secrets); err != nil {
			return step, err
		}
		in.variables.Secrets = step.Secrets
	}
	if step.Environment, err = in.environment(); err != nil {
		return step, err
	}
	step.Config, err = in.config(spec.Config, step.Environment)
	return step, err
}
