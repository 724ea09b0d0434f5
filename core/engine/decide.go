package engine

import (
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// conditions are the parsed conditions of a plan.
type conditions struct {
	stages, nodes []*condition.Condition
}

func parseConditions(p *plan.Plan) (conditions, error) {
	var c conditions
	for _, stage := range p.Stages {
		parsed, err := condition.Parse(stage.Spec.Condition)
		if err != nil {
			return c, fmt.Errorf("condition of stage %s: %w", stage.Spec.Name, err)
		}
		c.stages = append(c.stages, parsed)
	}
	for _, node := range p.Nodes {
		parsed, err := condition.Parse(node.Step.Condition)
		if err != nil {
			return c, fmt.Errorf("condition of step %s: %w", node.Step.Name, err)
		}
		c.nodes = append(c.nodes, parsed)
	}
	return c, nil
}

// verdict says what becomes of a node whose turn has come.
type verdict struct {
	run    bool
	status core.Status // of a node that is not run
	reason string
	// spreads: what needs this node is not run either.
	spreads bool
}

// decide applies, in this order: what came before (unless a condition asks about
// the status, and so decides by itself), the stage's condition, the step's.
func (r *run) decide(node int) verdict {
	if retry := r.execution.Retry; retry != nil && retry.Mode == core.RetryStep && retry.Step == node && r.halt == nil {
		return verdict{run: true} // it was asked for by name
	}
	stage := r.plan.Nodes[node].Stage
	byStage, byStep := r.conditions.stages[stage], r.conditions.nodes[node]
	if !byStep.UsesStatus() {
		if v, held := r.held(node, byStage.UsesStatus()); held {
			return v
		}
	}
	for _, when := range []*core.When{r.plan.Stages[stage].Spec.When, r.plan.Nodes[node].Step.When} {
		if reason := unmet(when, r.execution.Trigger); reason != "" {
			return verdict{status: core.StatusSkipped, reason: reason, spreads: r.schedule.blocked(node)}
		}
	}
	if r.plan.Stages[stage].Spec.Condition == "" && r.plan.Nodes[node].Step.Condition == "" {
		return verdict{run: true}
	}
	variables, err := r.variables(node)
	if err != nil {
		return verdict{status: core.StatusFailed, reason: err.Error(), spreads: true}
	}
	for _, c := range []struct {
		of     string
		source string
		parsed *condition.Condition
	}{
		{"the stage's condition", r.plan.Stages[stage].Spec.Condition, byStage},
		{"the condition", r.plan.Nodes[node].Step.Condition, byStep},
	} {
		if c.source == "" {
			continue
		}
		holds, err := c.parsed.Eval(variables)
		if err != nil {
			return verdict{status: core.StatusFailed, reason: fmt.Sprintf("%s, %s, cannot be answered: %v", c.of, c.source, err), spreads: true}
		}
		if !holds {
			return verdict{status: core.StatusSkipped, reason: fmt.Sprintf("%s is false: %s", c.of, c.source),
				spreads: r.schedule.blocked(node)}
		}
	}
	return verdict{run: true}
}

// held reports whether a node is not run because of what came before it.
func (r *run) held(node int, stageDecides bool) (verdict, bool) {
	stage := r.plan.Nodes[node].Stage
	if !stageDecides {
		if r.halt != nil {
			return verdict{status: skipStatus(r.halt), reason: r.halt.text, spreads: true}, true
		}
		if r.schedule.stagesBlocked(stage) {
			return verdict{status: core.StatusSkipped, reason: "an earlier stage failed", spreads: true}, true
		}
	}
	if halt := r.instanceHalt[r.plan.Nodes[node].Instance]; halt != nil {
		return verdict{status: skipStatus(halt), reason: halt.text, spreads: true}, true
	}
	if need, blocked := r.schedule.nodesBlocked(node); blocked {
		return verdict{status: core.StatusSkipped, reason: fmt.Sprintf("step %s, which it needs, did not succeed", r.steps[need].Name), spreads: true}, true
	}
	return verdict{}, false
}

// skipStatus is what becomes of a step that never began: it cannot have run out of
// time, or failed.
func skipStatus(reason *stopReason) core.Status {
	if reason.status != core.StatusCancelled {
		return core.StatusSkipped
	}
	return reason.status
}

// variables are what conditions see.
func (r *run) variables(node int) (condition.Variables, error) {
	in := r.inputs(node)
	in.variables.Outputs = r.outputs.seenBy(r.plan, node)
	environment, err := in.environment()
	v := in.variables
	v.Env, v.Failed, v.Cancelled = environment, r.failed, r.halt != nil && r.halt.status == core.StatusCancelled
	return v, err
}
