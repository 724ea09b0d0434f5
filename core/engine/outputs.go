package engine

import (
	"maps"

	"github.com/patchbay-ci/patchbay/core/plan"
)

// outputs are the outputs of steps by the names that expressions use: the step's, and
// "stage/step". A name alone means the step of one's own stage first, and of one's own
// combination of its matrix; of another stage with a matrix, one sees what the
// combination that ended last has set.
type outputs struct {
	all        map[string]map[string]string
	byInstance []map[string]map[string]string
}

func newOutputs(p *plan.Plan) outputs {
	return outputs{all: map[string]map[string]string{}, byInstance: make([]map[string]map[string]string, len(p.Instances))}
}

func (o *outputs) add(p *plan.Plan, node int, values map[string]string) {
	if len(values) == 0 {
		return
	}
	n := &p.Nodes[node]
	name, withStage := n.Step.Name, p.Stages[n.Stage].Spec.Name+"/"+n.Step.Name
	o.all[name], o.all[withStage] = values, values
	own := o.byInstance[n.Instance]
	if own == nil {
		own = map[string]map[string]string{}
		o.byInstance[n.Instance] = own
	}
	own[name], own[withStage] = values, values
}

// seenBy returns what a node's expressions see: a map of the caller's own.
func (o *outputs) seenBy(p *plan.Plan, node int) map[string]map[string]string {
	seen := maps.Clone(o.all)
	maps.Copy(seen, o.byInstance[p.Nodes[node].Instance])
	return seen
}
