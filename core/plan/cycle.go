package plan

import "slices"

// A stage waits for whole stages and a step for single steps, also of other
// stages, so a cycle can go through both: they are searched as one graph. A stage
// is two vertices, its start and its end; an edge leads to what is waited for:
//
//	start -> ends of the stages it needs
//	end   -> its start, its nodes
//	node  -> start of its stage, nodes it needs
type waitGraph struct {
	plan   *Plan
	stages int
}

func (g waitGraph) start(stage int) int { return stage }
func (g waitGraph) end(stage int) int   { return g.stages + stage }
func (g waitGraph) node(node int) int   { return 2*g.stages + node }
func (g waitGraph) size() int           { return 2*g.stages + len(g.plan.Nodes) }

// stageOf returns the stage whose start or end v is.
func (g waitGraph) stageOf(v int) (stage int, isStage bool) {
	return v % max(g.stages, 1), v < 2*g.stages
}

// edge returns the k-th thing v waits for, or -1 after the last.
func (g waitGraph) edge(v, k int) int {
	switch {
	case v < g.stages:
		if needs := g.plan.Stages[v].Needs; k < len(needs) {
			return g.end(needs[k])
		}
	case v < 2*g.stages:
		// The start first: a cycle of stages is then found without their steps.
		nodes := g.plan.Stages[v-g.stages].Nodes
		if k == 0 {
			return g.start(v - g.stages)
		}
		if k <= len(nodes) {
			return g.node(nodes[k-1])
		}
	default:
		node := &g.plan.Nodes[v-2*g.stages]
		if k == 0 {
			return g.start(node.Stage)
		}
		if k <= len(node.Needs) {
			return g.node(node.Needs[k-1])
		}
	}
	return -1
}

// findCycles reports the cycles that a depth-first search closes. The stack is
// our own: a chain of 100,000 steps must not become a recursion that deep.
func (c *compiler) findCycles() {
	const unseen, open, done = 0, 1, 2
	type frame struct{ vertex, next int }
	g := waitGraph{plan: c.plan, stages: len(c.plan.Stages)}
	state := make([]uint8, g.size())
	var stack []frame
	for root := range state {
		if state[root] != unseen {
			continue
		}
		state[root] = open
		stack = append(stack[:0], frame{vertex: root})
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			to := g.edge(top.vertex, top.next)
			top.next++
			switch {
			case to < 0:
				state[top.vertex] = done
				stack = stack[:len(stack)-1]
			case state[to] == unseen:
				state[to] = open
				stack = append(stack, frame{vertex: to})
			case state[to] == open:
				from := slices.IndexFunc(stack, func(f frame) bool { return f.vertex == to })
				cycle := make([]int, 0, len(stack)-from+1)
				for _, f := range stack[from:] {
					cycle = append(cycle, f.vertex)
				}
				if c.reportCycle(g, append(cycle, to)); len(c.problems) >= maxCycles {
					return
				}
				if top.vertex == to+g.stages {
					// Each step of this stage would close the same cycle once more.
					top.next = len(state)
				}
			}
		}
	}
}

// maxCycles: with one cycle broken the others may be gone too.
const maxCycles = 10

// reportCycle places the problem at the dependency that points forward in the
// file: every cycle has one, and the implicit ones never do.
func (c *compiler) reportCycle(g waitGraph, cycle []int) {
	p := Problem{Stage: -1, Step: -1, Field: "depends_on", Item: -1,
		Message:    "these wait for each other, none could ever start: " + joinPath(c.label(g, cycle)),
		Suggestion: "remove one of these dependencies"}
	for i := range len(cycle) - 1 {
		from, to := cycle[i], cycle[i+1]
		fromStage, isStage := g.stageOf(from)
		if toStage, both := g.stageOf(to); isStage && both {
			if fromStage < toStage {
				p.Stage, p.Step = fromStage, -1
				p.Item = slices.Index(c.spec.Stages[fromStage].DependsOn, c.spec.Stages[toStage].Name)
			}
			continue
		}
		if isStage || to < 2*g.stages {
			continue
		}
		if a, b := &c.plan.Nodes[from-2*g.stages], to-2*g.stages; a.Index < b {
			p.Stage, p.Step = a.Stage, a.StepIndex
			p.Item = slices.IndexFunc(a.Step.DependsOn, func(name string) bool {
				stage, step, found := c.lookUpStep(a.Stage, name)
				needed := &c.plan.Nodes[b]
				return found && stage == needed.Stage && step == needed.StepIndex
			})
		}
	}
	c.report(p)
}

// label names the vertices of a cycle: steps by their name alone when all are in
// one stage, a stage once for its start and end.
func (c *compiler) label(g waitGraph, cycle []int) []string {
	_, mixed := g.stageOf(cycle[0])
	first := -1
	for _, v := range cycle {
		if _, isStage := g.stageOf(v); isStage {
			mixed = true
		} else if stage := c.plan.Nodes[v-2*g.stages].Stage; first >= 0 && stage != first {
			mixed = true
		} else {
			first = stage
		}
	}
	var names []string
	for _, v := range cycle {
		var name string
		if stage, isStage := g.stageOf(v); isStage {
			name = c.spec.Stages[stage].Name
		} else {
			node := &c.plan.Nodes[v-2*g.stages]
			name = node.Step.Name
			if mixed {
				name = c.spec.Stages[node.Stage].Name + "/" + name
			}
		}
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return names
}
