// Package plan compiles a pipeline's stages and steps into one graph that says
// what may start when. It is pure: no I/O, no clock, the same spec gives the same
// plan, so a plan is never stored but compiled again after a restart.
package plan

import (
	"fmt"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// Plan is the graph of a pipeline. It holds pointers into the spec it was
// compiled from; neither is to be changed afterwards. It is safe for concurrent
// reading.
type Plan struct {
	// Stages are those of the file.
	Stages []Stage
	// Instances are what runs of them: one of a stage, or one for each combination
	// of its matrix.
	Instances []Instance
	// Nodes are the steps of all instances in the order of the file: a node's index
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
	// Instances are indexes of instances, ascending and without gaps.
	Instances []int
}

// Instance is a stage with the values of its matrix.
type Instance struct {
	Index int
	Stage int
	// Name is the stage's, with the values of the matrix in brackets.
	Name string
	// Matrix is nil for a stage without one.
	Matrix map[string]string
	// Nodes are indexes of nodes, ascending and without gaps.
	Nodes []int
	// Gate: it has nothing but the approval that the other instances wait for.
	Gate bool
}

// Node is one step of a plan. It may start when its stage may and all nodes of
// Needs have ended.
type Node struct {
	Index    int
	Stage    int
	Instance int
	// StepIndex is the step's place in its stage; -1 for the approval of a stage,
	// which is a node of its own with a step that has no connector.
	StepIndex int
	Step      *core.Step
	// Needs are indexes of nodes, each once: of the same instance, or of another
	// stage for a dependency written "stage/step".
	Needs []int
}

// IsApproval reports whether the node is nothing but the approval of its stage.
func (n *Node) IsApproval() bool { return n.StepIndex < 0 }

// Problem says why a spec has no plan.
type Problem struct {
	// Stage and Step are indexes, Step within its stage; -1 when it is not about
	// one.
	Stage, Step int
	// Field is "name", "depends_on" or "matrix".
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
	steps    []map[string]int // by stage: the step's index by name
	gates    []int            // by stage: the node of its approval, or -1
	problems []Problem
}

// report keeps a problem, once: a stage with a matrix has it in every instance.
func (c *compiler) report(p Problem) {
	if len(c.problems) < maxProblems && !slices.Contains(c.problems, p) {
		c.problems = append(c.problems, p)
	}
}

// collect makes stages and nodes without edges, and finds duplicate names.
func (c *compiler) collect() {
	c.stages = make(map[string]int, len(c.spec.Stages))
	c.steps = make([]map[string]int, len(c.spec.Stages))
	c.gates = make([]int, len(c.spec.Stages))
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
		c.collectNames(i)
		c.collectInstances(i)
	}
}

func (c *compiler) collectNames(i int) {
	steps := c.spec.Stages[i].Steps
	c.steps[i] = make(map[string]int, len(steps))
	for j := range steps {
		if first, taken := c.steps[i][steps[j].Name]; !taken {
			c.steps[i][steps[j].Name] = j
		} else if steps[j].Name != "" {
			c.report(duplicate(i, j, "step", steps[j].Name, first))
		}
	}
}

// approvalStep is the name of the node that a stage's approval becomes.
const approvalStep = "approval"

// collectInstances makes the nodes of a stage: those of each combination, and one
// for the stage's approval before all of them.
func (c *compiler) collectInstances(i int) {
	spec := c.spec.Stages[i]
	c.plan.Stages[i] = Stage{Index: i, Spec: &c.spec.Stages[i]}
	combinations, problem := Combinations(spec.Matrix)
	if problem != "" {
		c.report(Problem{Stage: i, Step: -1, Field: "matrix", Item: -1, Message: problem})
		combinations = combinations[:min(len(combinations), 1)]
	}
	c.gates[i] = -1
	if spec.Approval != nil && spec.Matrix != nil {
		c.addInstance(i, spec.Name, nil)
		c.plan.Instances[len(c.plan.Instances)-1].Gate = true
		c.addGate(i)
	}
	names := map[string]int{}
	for _, values := range combinations {
		name := spec.Name
		if values != nil {
			name = instanceName(spec.Name, spec.Matrix, values)
			if names[name]++; names[name] > 1 {
				name = fmt.Sprintf("%s #%d", name, names[name])
			}
		}
		c.addInstance(i, name, values)
		if spec.Approval != nil && spec.Matrix == nil {
			c.addGate(i)
		}
		for j := range spec.Steps {
			c.addNode(i, j, &c.spec.Stages[i].Steps[j])
		}
	}
}

func (c *compiler) addInstance(stage int, name string, values map[string]string) {
	instance := Instance{Index: len(c.plan.Instances), Stage: stage, Name: name, Matrix: values}
	c.plan.Instances = append(c.plan.Instances, instance)
	c.plan.Stages[stage].Instances = append(c.plan.Stages[stage].Instances, instance.Index)
}

func (c *compiler) addGate(stage int) {
	c.gates[stage] = c.addNode(stage, -1, &core.Step{Name: approvalStep, Approval: c.spec.Stages[stage].Approval})
}

// addNode adds to the last instance.
func (c *compiler) addNode(stage, stepIndex int, step *core.Step) int {
	instance := &c.plan.Instances[len(c.plan.Instances)-1]
	node := Node{Index: len(c.plan.Nodes), Stage: stage, Instance: instance.Index, StepIndex: stepIndex, Step: step}
	c.plan.Nodes = append(c.plan.Nodes, node)
	instance.Nodes = append(instance.Nodes, node.Index)
	c.plan.Stages[stage].Nodes = append(c.plan.Stages[stage].Nodes, node.Index)
	return node.Index
}
