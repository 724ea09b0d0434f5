package engine

import "github.com/patchbay-ci/patchbay/core/plan"

// outcome is what a node's end means for those after it.
type outcome int

const (
	// outcomeGood: succeeded, failed but allowed, or skipped by its own condition.
	outcomeGood outcome = iota + 1
	// outcomeBad: failed, timed out, cancelled, or skipped because of one of those.
	outcomeBad
)

// schedule keeps account of which nodes may start. It does no I/O and is used by
// one goroutine. A node is due once, when every stage and every node that it needs
// has ended and its instance is open: a stage's group has been entered, and no more
// instances run than its matrix wants.
type schedule struct {
	plan       *plan.Plan
	ended      []outcome // by node; 0 while it has not ended
	waitsFor   []int     // by node: needed nodes that have not ended
	dependents [][]int   // by node
	stages     []stageAccount
	instances  []instanceAccount
	due        []int
	// admissions are stages that are ready and want to enter their group.
	admissions []int
	left       int
}

type stageAccount struct {
	waitsFor   int // needed stages that have not ended
	dependents []int
	unfinished int // its nodes that have not ended
	bad        bool
	gates      int   // nodes of approval that have not ended
	admitted   bool  // its group has been entered, or it has none
	closed     []int // instances that wait for their turn
}

type instanceAccount struct {
	unfinished int // its nodes that have not ended
	open       bool
}

func newSchedule(p *plan.Plan) *schedule {
	s := &schedule{plan: p, ended: make([]outcome, len(p.Nodes)), waitsFor: make([]int, len(p.Nodes)),
		dependents: make([][]int, len(p.Nodes)), stages: make([]stageAccount, len(p.Stages)),
		instances: make([]instanceAccount, len(p.Instances)), left: len(p.Nodes)}
	for i, stage := range p.Stages {
		account := &s.stages[i]
		account.waitsFor, account.unfinished = len(stage.Needs), len(stage.Nodes)
		account.admitted = stage.Spec.Concurrency == nil
		for _, need := range stage.Needs {
			s.stages[need].dependents = append(s.stages[need].dependents, i)
		}
	}
	for i, node := range p.Nodes {
		s.waitsFor[i] = len(node.Needs)
		if node.IsApproval() {
			s.stages[node.Stage].gates++
		}
		for _, need := range node.Needs {
			s.dependents[need] = append(s.dependents[need], i)
		}
	}
	for i, instance := range p.Instances {
		s.instances[i] = instanceAccount{unfinished: len(instance.Nodes), open: instance.Gate}
		if !instance.Gate {
			s.stages[instance.Stage].closed = append(s.stages[instance.Stage].closed, i)
		}
	}
	for i := range s.stages {
		if s.stages[i].waitsFor == 0 {
			s.stageReady(i)
		}
	}
	return s
}

// next takes one due node; ok is false when none is due now.
func (s *schedule) next() (node int, ok bool) {
	if len(s.due) == 0 {
		return 0, false
	}
	node = s.due[0]
	s.due = s.due[1:]
	return node, true
}

// again makes a node due that was taken before and has not ended.
func (s *schedule) again(node int) { s.due = append(s.due, node) }

// anyDue reports whether next would return a node, or nextAdmission a stage.
func (s *schedule) anyDue() bool { return len(s.due)+len(s.admissions) > 0 }

// anyAdmission reports whether nextAdmission would return a stage.
func (s *schedule) anyAdmission() bool { return len(s.admissions) > 0 }

// finished reports whether every node has ended.
func (s *schedule) finished() bool { return s.left == 0 }

// stageFinished reports whether every node of a stage has ended.
func (s *schedule) stageFinished(stage int) bool { return s.stages[stage].unfinished == 0 }

// nextAdmission takes a stage that is to enter its group before it goes on; admit
// lets it.
func (s *schedule) nextAdmission() (stage int, ok bool) {
	if len(s.admissions) == 0 {
		return 0, false
	}
	stage = s.admissions[0]
	s.admissions = s.admissions[1:]
	return stage, true
}

// admit lets a stage go on that has entered its group.
func (s *schedule) admit(stage int) {
	s.stages[stage].admitted = true
	s.open(stage)
}

// blocked reports whether something that the node needs went bad.
func (s *schedule) blocked(node int) bool {
	_, byNode := s.nodesBlocked(node)
	return byNode || s.stagesBlocked(s.plan.Nodes[node].Stage)
}

// stagesBlocked reports whether a stage that this one needs went bad.
func (s *schedule) stagesBlocked(stage int) bool {
	for _, need := range s.plan.Stages[stage].Needs {
		if s.stages[need].bad {
			return true
		}
	}
	return false
}

// nodesBlocked returns a node that this one needs and that went bad.
func (s *schedule) nodesBlocked(node int) (need int, blocked bool) {
	for _, need := range s.plan.Nodes[node].Needs {
		if s.ended[need] == outcomeBad {
			return need, true
		}
	}
	return 0, false
}

// end records a node's end and makes due what waited for it.
func (s *schedule) end(node int, o outcome) {
	if s.ended[node] != 0 {
		return
	}
	s.ended[node] = o
	s.left--
	n := &s.plan.Nodes[node]
	if n.IsApproval() {
		s.stages[n.Stage].gates--
		s.stageReady(n.Stage)
	}
	for _, dependent := range s.dependents[node] {
		s.waitsFor[dependent]--
		s.offer(dependent)
	}
	if s.instances[n.Instance].unfinished--; s.instances[n.Instance].unfinished == 0 {
		s.open(n.Stage)
	}
	stage := &s.stages[n.Stage]
	stage.unfinished--
	stage.bad = stage.bad || o == outcomeBad
	if stage.unfinished > 0 {
		return
	}
	for _, dependent := range stage.dependents {
		s.stages[dependent].waitsFor--
		if s.stages[dependent].waitsFor == 0 {
			s.stageReady(dependent)
		}
	}
}

// stageReady is called when all stages that this one needs have ended, and again
// when it has been approved: then it asks for its group, or opens.
func (s *schedule) stageReady(stage int) {
	account := &s.stages[stage]
	if account.gates > 0 {
		for _, node := range s.plan.Stages[stage].Nodes {
			if s.plan.Nodes[node].IsApproval() {
				s.offer(node)
			}
		}
		return
	}
	if !account.admitted {
		s.admissions = append(s.admissions, stage)
		return
	}
	s.open(stage)
}

// open opens as many instances of a stage as may run now.
func (s *schedule) open(stage int) {
	account := &s.stages[stage]
	if account.waitsFor > 0 || account.gates > 0 || !account.admitted {
		return
	}
	limit := len(s.plan.Stages[stage].Instances)
	if m := s.plan.Stages[stage].Spec.Matrix; m != nil && m.MaxParallel > 0 {
		limit = m.MaxParallel
	}
	for _, instance := range s.plan.Stages[stage].Instances {
		if s.instances[instance].open && !s.plan.Instances[instance].Gate && s.instances[instance].unfinished > 0 {
			limit--
		}
	}
	for limit > 0 && len(account.closed) > 0 {
		instance := account.closed[0]
		account.closed = account.closed[1:]
		s.instances[instance].open = true
		limit--
		for _, node := range s.plan.Instances[instance].Nodes {
			s.offer(node)
		}
	}
}

// dependsOnlyOn returns a node that will be due when this one has ended, and waits for
// nothing else.
func (s *schedule) dependsOnlyOn(node int) (next int, ok bool) {
	for _, next := range s.dependents[node] {
		n := &s.plan.Nodes[next]
		if s.ended[next] == 0 && s.waitsFor[next] == 1 && s.stages[n.Stage].waitsFor == 0 && !n.IsApproval() && s.instances[n.Instance].open {
			return next, true
		}
	}
	return 0, false
}

// offer makes a node due if nothing holds it back any more.
func (s *schedule) offer(node int) {
	n := &s.plan.Nodes[node]
	if s.ended[node] != 0 || s.waitsFor[node] > 0 || s.stages[n.Stage].waitsFor > 0 {
		return
	}
	if n.IsApproval() || s.instances[n.Instance].open {
		s.due = append(s.due, node)
	}
}
