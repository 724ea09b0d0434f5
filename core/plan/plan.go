// Package plan compiles a pipeline's stages and steps into one graph that says
// what may start when. It is pure: no I/O, no clock, the same spec gives the same
// plan, so a plan is never stored but compiled again after a restart.
package plan

import (
	"github.com/patchbay-ci/patchbay/core"
)

// Plan is the graph of a pipeline. It holds pointers into the spec it was
// compiled from; neither is to be changed afterwards. It is safe for concurrent
// reading.
type Plan struct {
	Stages []Stage
	// Nodes are the steps of all stages in the order of the file: a node's index
	// is the index of its core.StepRun.
	Nodes []Node
}

// Stage is one stage of a plan. Its nodes may start when all stages of Needs
// have ended.
type Stage struct {
	Index int
	Spec  *core.Stage
	// Needs are indexes of stages, each once.
	Needs []int
	// Nodes are indexes of nodes, ascending and without gaps.
	Nodes []int
}

// Node is one step of a plan. It may start when its stage may and all nodes of
// Needs have ended.
type Node struct {
	Index     int
	Stage     int
	StepIndex int
	Step      *core.Step
	// Needs are indexes of nodes, each once: of the same stage, or of another one
	// for a dependency written "stage/step".
	Needs []int
}

// Problem says why a spec has no plan.
type Problem struct {
	// Stage and Step are indexes, Step within its stage; -1 when it is not about
	// one.
	Stage, Step int
	// Field is "name" or "depends_on".
	Field string
	// Item is the index in the list of depends_on, -1 when it is not about one.
	Item       int
	Message    string
	Suggestion string
}

// maxProblems bounds what is reported for a hopeless file.
const maxProblems = 100

// Compile returns the plan of a spec, or what prevents one: the plan is nil when
// there are problems. Missing names and empty stages are not its business. Time
// and memory are linear in the size of the spec: a stage that needs a stage is one
// edge, however many steps they have.
func Compile(spec *core.Spec) (*Plan, []Problem) {
	c := &compiler{spec: spec, plan: &Plan{Stages: make([]Stage, len(spec.Stages))}}
	c.collect()
	c.connect()
	if len(c.problems) == 0 {
		c.findCycles()
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c.plan, nil
}

// compiler is the state of one Compile.
type compiler struct {
	spec     *core.Spec
	plan     *Plan
	stages   map[string]int   // index by name
	steps    []map[string]int // by stage: node index by name
	problems []Problem
}

func (c *compiler) report(p Problem) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, p)
	}
}

// collect makes stages and nodes without edges, and finds duplicate names.
func (c *compiler) collect() {
	c.stages = make(map[string]int, len(c.spec.Stages))
	c.steps = make([]map[string]int, len(c.spec.Stages))
	total := 0
	for i := range c.spec.Stages {
		total += len(c.spec.Stages[i].Steps)
	}
	c.plan.Nodes = make([]Node, 0, total)
	for i := range c.spec.Stages {
		stage := &c.spec.Stages[i]
		if first, taken := c.stages[stage.Name]; !taken {
			c.stages[stage.Name] = i
		} else if stage.Name != "" {
			c.report(duplicate(i, -1, "stage", stage.Name, first))
		}
		c.plan.Stages[i] = Stage{Index: i, Spec: stage, Nodes: c.collectSteps(i)}
	}
}

func (c *compiler) collectSteps(i int) []int {
	steps := c.spec.Stages[i].Steps
	names, nodes := make(map[string]int, len(steps)), make([]int, 0, len(steps))
	for j := range steps {
		node := Node{Index: len(c.plan.Nodes), Stage: i, StepIndex: j, Step: &steps[j]}
		if first, taken := names[steps[j].Name]; !taken {
			names[steps[j].Name] = node.Index
		} else if steps[j].Name != "" {
			c.report(duplicate(i, j, "step", steps[j].Name, c.plan.Nodes[first].StepIndex))
		}
		c.plan.Nodes = append(c.plan.Nodes, node)
		nodes = append(nodes, node.Index)
	}
	c.steps[i] = names
	return nodes
}
