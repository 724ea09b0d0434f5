package pipefile

import (
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

var (
	pipelineKeys = []string{"name", "description", "triggers", "stages", "environment", "timeout", "retry_count", "notifications",
		"params", "parameters", "concurrency", "max_executions", "priority"}
	stageKeys = []string{"name", "steps", "condition", "parallel", "environment", "timeout", "retry_count",
		"depends_on", "matrix", "concurrency", "when", "approval"}
)

// Bounds of what a pipeline may ask of the queue.
const (
	maxExecutions = 10_000
	maxPriority   = 100
)

// pipeline reads a document. The spec may be incomplete when there are errors.
func (d *decoder) pipeline(v *value) *core.Spec {
	if v.kind != kindMap {
		d.error(v.at, "a pipeline is a mapping, this is "+v.describe(), "begin with name: and stages:")
		return nil
	}
	o, ok := d.object(v, "a pipeline", pipelineKeys)
	if !ok {
		return nil
	}
	spec := &core.Spec{
		Name:        o.name(),
		Description: o.text("description"),
		Environment: o.environment(),
		Timeout:     o.timeout(),
		RetryCount:  o.retries(),

		Params:        o.params(),
		Concurrency:   o.concurrency(),
		MaxExecutions: o.number("max_executions", 0, maxExecutions),
		Priority:      o.number("priority", -maxPriority, maxPriority),
	}
	spec.Triggers = o.triggers()
	spec.Notifications = o.notifications()
	stages := o.items("stages", "stage")
	for i, item := range stages {
		d.stageIndex = i
		spec.Stages = append(spec.Stages, d.stage(item))
	}
	d.stageIndex = -1
	d.checkReferences(spec, d.checkPlan(spec, stages))
	d.warnUnevaluated(v)
	return spec
}

// items returns the members of a list that must have some.
func (o *object) items(key, noun string) []*value {
	e := o.field(key)
	if e == nil {
		at := o.v.fieldPosition(key, -1)
		o.error(at, fmt.Sprintf("%s has no %ss", o.what, noun), fmt.Sprintf("add %s: with at least one", key))
		return nil
	}
	if e.value.kind != kindList {
		o.error(e.value.at, fmt.Sprintf("%s must be a list, this is %s", key, e.value.describe()), "begin each "+noun+" with a dash: - name: …")
		return nil
	}
	if len(e.value.list) == 0 {
		o.error(e.value.at, fmt.Sprintf("%s has no %ss", o.what, noun), "add at least one: - name: …")
	}
	return e.value.list
}

func (d *decoder) stage(v *value) core.Stage {
	o, ok := d.object(v, "a stage", stageKeys)
	if !ok {
		return core.Stage{}
	}
	stage := core.Stage{
		Name:        o.name(),
		Condition:   o.condition(),
		Parallel:    o.flag("parallel"),
		Environment: o.environment(),
		Timeout:     o.timeout(),
		RetryCount:  o.retries(),
		DependsOn:   o.texts("depends_on"),
		Matrix:      o.matrix(),
		Concurrency: o.concurrency(),
		When:        o.when(),
		Approval:    o.approval(),
	}
	for i, item := range o.items("steps", "step") {
		d.stepIndex = i
		stage.Steps = append(stage.Steps, d.step(item))
	}
	d.stepIndex = -1
	return stage
}

// maxNodes is how many steps one run may have, with those of all combinations.
const maxNodes = 50_000

// checkPlan puts the problems of the plan at their places; without any it returns
// the plan.
func (d *decoder) checkPlan(spec *core.Spec, stages []*value) *plan.Plan {
	total := 0
	for i := range spec.Stages {
		combinations, _ := plan.Combinations(spec.Stages[i].Matrix)
		if total += len(combinations) * len(spec.Stages[i].Steps); total > maxNodes {
			d.error(stages[i].fieldPosition("matrix", -1), fmt.Sprintf("with all its combinations the pipeline has more than %d steps", maxNodes), "divide it into several")
			return nil
		}
	}
	compiled, problems := plan.Compile(spec)
	for _, p := range problems {
		if p.Stage < 0 {
			d.error(position{}, p.Message, p.Suggestion)
			continue
		}
		at := stages[p.Stage]
		if p.Step >= 0 {
			at = at.get("steps").list[p.Step]
		}
		d.error(at.fieldPosition(p.Field, p.Item), p.Message, p.Suggestion)
	}
	return compiled
}

// uniquePipelines refuses two pipelines of one name in one file.
func (d *decoder) uniquePipelines(specs []*core.Spec, documents []*value) {
	if len(specs) != len(documents) {
		return // A document that is no mapping has been reported.
	}
	first := map[string]int{}
	for i, spec := range specs {
		if n, twice := first[spec.Name]; twice && spec.Name != "" {
			d.error(documents[i].fieldPosition("name", -1), fmt.Sprintf("pipeline %d of this file is named %q too", n+1, short(spec.Name)), "give each its own name")
		} else if !twice {
			first[spec.Name] = i
		}
	}
}
