package plan

// connect resolves depends_on of all stages and steps into edges.
func (c *compiler) connect() {
	for i := range c.plan.Stages {
		c.connectStage(&c.plan.Stages[i])
	}
	for i := range c.plan.Nodes {
		if len(c.problems) >= maxProblems {
			return // A suggestion for each of 10,000 wrong names takes its time.
		}
		c.connectNode(&c.plan.Nodes[i])
	}
}

func (c *compiler) connectStage(s *Stage) {
	if s.Spec.DependsOn == nil {
		if s.Index > 0 {
			s.Needs = []int{s.Index - 1}
		}
		return
	}
	seen := make(map[int]bool, len(s.Spec.DependsOn))
	for item, name := range s.Spec.DependsOn {
		need, found := c.stages[name]
		switch {
		case !found:
			c.report(c.unknownStage(s.Index, item, name))
		case need == s.Index:
			c.report(itself(s.Index, -1, item, "stage", name))
		case !seen[need]:
			seen[need] = true
			s.Needs = append(s.Needs, need)
		}
	}
}

func (c *compiler) connectNode(n *Node) {
	if n.IsApproval() {
		return
	}
	if n.Step.DependsOn == nil {
		if n.StepIndex > 0 && !c.spec.Stages[n.Stage].Parallel {
			n.Needs = []int{n.Index - 1}
		}
	} else {
		c.connectNamed(n)
	}
	if gate := c.gates[n.Stage]; gate >= 0 && !c.needsWithin(n) {
		n.Needs = append(n.Needs, gate)
	}
}

// needsWithin reports whether a node waits for one of its own instance.
func (c *compiler) needsWithin(n *Node) bool {
	for _, need := range n.Needs {
		if c.plan.Nodes[need].Instance == n.Instance {
			return true
		}
	}
	return false
}

func (c *compiler) connectNamed(n *Node) {
	seen := make(map[int]bool, len(n.Step.DependsOn))
	for item, name := range n.Step.DependsOn {
		stage, step, found := c.lookUpStep(n.Stage, name)
		if !found {
			c.report(c.unknownStep(n, item, name))
			continue
		}
		if stage == n.Stage && step == n.StepIndex {
			c.report(itself(n.Stage, n.StepIndex, item, "step", n.Step.Name))
			continue
		}
		for _, need := range c.nodesOf(n, stage, step) {
			if !seen[need] {
				seen[need] = true
				n.Needs = append(n.Needs, need)
			}
		}
	}
}

// nodesOf returns the nodes of a step that n refers to: the one of its own instance,
// or those of all instances of another stage.
func (c *compiler) nodesOf(n *Node, stage, step int) []int {
	if stage == n.Stage {
		return []int{n.Index - n.StepIndex + step}
	}
	var nodes []int
	for _, instance := range c.plan.Stages[stage].Instances {
		if in := &c.plan.Instances[instance]; !in.Gate {
			nodes = append(nodes, in.Nodes[len(in.Nodes)-len(c.spec.Stages[stage].Steps)]+step)
		}
	}
	return nodes
}

// lookUpStep finds a step of the stage by its name, else one written
// "stage/step". Names may have slashes of their own, so every split is tried.
func (c *compiler) lookUpStep(stage int, name string) (inStage, step int, found bool) {
	if step, found := c.steps[stage][name]; found {
		return stage, step, true
	}
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		other, found := c.stages[name[:i]]
		if !found {
			continue
		}
		if step, found := c.steps[other][name[i+1:]]; found {
			return other, step, true
		}
	}
	return 0, 0, false
}
