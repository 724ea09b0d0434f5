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
	if n.Step.DependsOn == nil {
		if n.StepIndex > 0 && !c.spec.Stages[n.Stage].Parallel {
			n.Needs = []int{n.Index - 1}
		}
		return
	}
	seen := make(map[int]bool, len(n.Step.DependsOn))
	for item, name := range n.Step.DependsOn {
		need, found := c.lookUpStep(n.Stage, name)
		switch {
		case !found:
			c.report(c.unknownStep(n, item, name))
		case need == n.Index:
			c.report(itself(n.Stage, n.StepIndex, item, "step", n.Step.Name))
		case !seen[need]:
			seen[need] = true
			n.Needs = append(n.Needs, need)
		}
	}
}

// lookUpStep finds a step of the stage by its name, else one written
// "stage/step". Names may have slashes of their own, so every split is tried.
func (c *compiler) lookUpStep(stage int, name string) (int, bool) {
	if node, found := c.steps[stage][name]; found {
		return node, true
	}
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		other, found := c.stages[name[:i]]
		if !found {
			continue
		}
		if node, found := c.steps[other][name[i+1:]]; found {
			return node, true
		}
	}
	return 0, false
}
