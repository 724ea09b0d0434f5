package engine

import (
	"maps"

	"github.com/patchbay-ci/patchbay/core/plan"
)

// outputs are the outputs of steps by the names that expressions use: the step's, and
// "stage/step". Of a stage with a matrix, a step sees those of its own combination
// first; others see those of the combination that ended last.
type outputs struct {
	all        map[string]map[string]string
	byInstance []map[string]map[string]string // nil for instances without a matrix
}

func newOutputs(p *plan.Plan) outputs {
	return outputs{all: map[string]map[string]string{}, byInstance: make([]map[string]map[string]string, len(p.Instances))}
}

func (o *outputs) add(p *plan.Plan, node int, values map[string]string) {
	if len(values) == 0 {
		return
	}
	n := &p.Nodes[node]
	stage := p.Stages[n.Stage].Spec.Name
	o.all[n.Step.Name], o.all[stage+"/"+n.Step.Name] = values, values
	if p.Instances[n.Instance].Matrix == nil {
		return
	}
	if o.byInstance[n.Instance] == nil {
		o.byInstance[n.Instance] = map[string]map[string]string{}
	}
	o.byInstance[n.Instance][n.Step.Name], o.byInstance[n.Instance][stage+"/"+n.Step.Name] = values, values
}

// seenBy returns what a node's expressions see. It is not to be changed.
func (o *outputs) seenBy(p *plan.Plan, node int) map[string]map[string]string {
	own := o.byInstance[p.Nodes[node].Instance]
	if own == nil {
		return o.all
	}
	seen := maps.Clone(o.all)
	maps.Copy(seen, own)
	return seen
}
