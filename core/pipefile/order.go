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
	needs  map[stepRef][]stepRef
	// ended are the steps that end before one; the last that was asked for.
	of    stepRef
	ended map[stepRef]bool
}

func newOrder(spec *core.Spec, compiled *plan.Plan) *order {
	o := &order{spec: spec, plan: compiled, stages: map[string]int{}, steps: map[string][]stepRef{}, needs: map[stepRef][]stepRef{}}
	for i := range spec.Stages {
		if _, twice := o.stages[spec.Stages[i].Name]; !twice {
			o.stages[spec.Stages[i].Name] = i
		}
		for j := range spec.Stages[i].Steps {
			name := spec.Stages[i].Steps[j].Name
			o.steps[name] = append(o.steps[name], stepRef{i, j})
		}
	}
	if compiled == nil {
		return o
	}
	for i := range compiled.Nodes {
		n := &compiled.Nodes[i]
		from := stepRef{n.Stage, n.StepIndex}
		if _, done := o.needs[from]; done || n.IsApproval() {
			continue // Another combination of the same step.
		}
		list := []stepRef{}
		for _, need := range n.Needs {
			if to := &compiled.Nodes[need]; !to.IsApproval() {
				list = append(list, stepRef{to.Stage, to.StepIndex})
			}
		}
		o.needs[from] = list
	}
	return o
}

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
	if o.ended == nil || o.of != this {
		o.of, o.ended = this, o.allBefore(this)
	}
	return o.ended[other]
}

// allBefore goes back over everything that a step waits for.
func (o *order) allBefore(this stepRef) map[stepRef]bool {
	ended := map[stepRef]bool{}
	begun := make([]bool, len(o.plan.Stages))
	stack := []stepRef{this}
	add := func(r stepRef) {
		if !ended[r] {
			ended[r] = true
			stack = append(stack, r)
		}
	}
	for len(stack) > 0 {
		r := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, need := range o.needs[r] {
			add(need)
		}
		if r.stage < 0 || begun[r.stage] {
			continue
		}
		begun[r.stage] = true
		for _, need := range o.plan.Stages[r.stage].Needs {
			for j := range o.spec.Stages[need].Steps {
				add(stepRef{need, j})
			}
			add(stepRef{need, -1})
		}
	}
	return ended
}
