package pipefile

import (
	"strings"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// stepRef names a step by indexes; step -1 is the beginning of the stage, stage -1
// the beginning of the run.
type stepRef struct{ stage, step int }

// order says which steps are sure to have ended before others begin. It is about
// the steps of the file: all combinations of a matrix are one.
type order struct {
	spec   *core.Spec
	plan   *plan.Plan
	stages map[string]int
	steps  map[string][]stepRef // by the step's name alone
	// base is the vertex of a stage's beginning; its steps follow.
	base  []int
	needs [][]stepRef // by vertex
	// of is the step that was asked for last; what has to end before it has the
	// round in ended. A big pipeline asks thousands of times.
	of    stepRef
	round int
	ended []int
	stack []stepRef
}

func newOrder(spec *core.Spec, compiled *plan.Plan) *order {
	o := &order{spec: spec, plan: compiled, stages: map[string]int{}, steps: map[string][]stepRef{}, base: make([]int, len(spec.Stages))}
	vertices := 0
	for i := range spec.Stages {
		if _, twice := o.stages[spec.Stages[i].Name]; !twice {
			o.stages[spec.Stages[i].Name] = i
		}
		o.base[i] = vertices
		vertices += 1 + len(spec.Stages[i].Steps)
		for j := range spec.Stages[i].Steps {
			name := spec.Stages[i].Steps[j].Name
			o.steps[name] = append(o.steps[name], stepRef{i, j})
		}
	}
	if compiled == nil {
		return o
	}
	o.needs, o.ended = make([][]stepRef, vertices), make([]int, vertices)
	for i := range compiled.Nodes {
		n := &compiled.Nodes[i]
		v := o.vertex(stepRef{n.Stage, n.StepIndex})
		if n.IsApproval() || o.needs[v] != nil {
			continue // Another combination of the same step.
		}
		o.needs[v] = []stepRef{}
		for _, need := range n.Needs {
			if to := &compiled.Nodes[need]; !to.IsApproval() {
				o.needs[v] = append(o.needs[v], stepRef{to.Stage, to.StepIndex})
			}
		}
	}
	return o
}

func (o *order) vertex(r stepRef) int { return o.base[r.stage] + 1 + r.step }

// find returns the steps that a name can mean in a stage: the stage's own, one
// written "stage/step", or those of that name.
func (o *order) find(stage int, name string) []stepRef {
	for _, r := range o.steps[name] {
		if r.stage == stage {
			return []stepRef{r}
		}
	}
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		in, found := o.stages[name[:i]]
		if !found {
			continue
		}
		for _, r := range o.steps[name[i+1:]] {
			if r.stage == in {
				return []stepRef{r}
			}
		}
	}
	return o.steps[name]
}

// names are what a reference in a stage can be meant for.
func (o *order) names(stage int) []string {
	const most = 500
	var names []string
	for i := range o.spec.Stages {
		for j := range o.spec.Stages[i].Steps {
			if len(names) >= most {
				return names
			}
			name := o.spec.Stages[i].Steps[j].Name
			if i != stage && len(o.steps[name]) > 1 {
				name = o.path(stepRef{i, j})
			}
			names = append(names, name)
		}
	}
	return names
}

func (o *order) path(r stepRef) string {
	return strings.Join([]string{o.spec.Stages[r.stage].Name, o.spec.Stages[r.stage].Steps[r.step].Name}, "/")
}

// before reports whether a step is sure to have ended when another begins. Without
// a plan the answer is yes: what is wrong has been reported.
func (o *order) before(this, other stepRef) bool {
	if o.plan == nil {
		return true
	}
	if this.stage < 0 {
		return false
	}
	if o.round == 0 || o.of != this {
		o.of = this
		o.goBack()
	}
	return o.ended[o.vertex(other)] == o.round
}

// goBack marks everything that the step waits for, directly or not.
func (o *order) goBack() {
	o.round++
	o.stack = o.stack[:0]
	for _, need := range o.needs[o.vertex(o.of)] {
		o.mark(need)
	}
	o.mark(stepRef{o.of.stage, -1})
	for len(o.stack) > 0 {
		r := o.stack[len(o.stack)-1]
		o.stack = o.stack[:len(o.stack)-1]
		if r.step >= 0 {
			for _, need := range o.needs[o.vertex(r)] {
				o.mark(need)
			}
			o.mark(stepRef{r.stage, -1})
			continue
		}
		for _, stage := range o.plan.Stages[r.stage].Needs {
			for j := range o.spec.Stages[stage].Steps {
				o.mark(stepRef{stage, j})
			}
			o.mark(stepRef{stage, -1}) // A stage may have no steps.
		}
	}
}

func (o *order) mark(r stepRef) {
	if v := o.vertex(r); o.ended[v] != o.round {
		o.ended[v] = o.round
		o.stack = append(o.stack, r)
	}
}
