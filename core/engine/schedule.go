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
// has ended.
type schedule struct {
	plan       *plan.Plan
	ended      []outcome // by node; 0 while it has not ended
	waitsFor   []int     // by node: needed nodes that have not ended
	dependents [][]int   // by node
	stages     []stageAccount
	due        []int
	left       int
}

type stageAccount struct {
	waitsFor   int // needed stages that have not ended
	dependents []int
	unfinished int // its nodes that have not ended
	bad        bool
}

func newSchedule(p *plan.Plan) *schedule {
	s := &schedule{plan: p, ended: make([]outcome, len(p.Nodes)), waitsFor: make([]int, len(p.Nodes)),
		dependents: make([][]int, len(p.Nodes)), stages: make([]stageAccount, len(p.Stages)), left: len(p.Nodes)}
	for i, stage := range p.Stages {
		s.stages[i].waitsFor = len(stage.Needs)
		s.stages[i].unfinished = len(stage.Nodes)
		for _, need := range stage.Needs {
			s.stages[need].dependents = append(s.stages[need].dependents, i)
		}
	}
	for i, node := range p.Nodes {
		s.waitsFor[i] = len(node.Needs)
		for _, need := range node.Needs {
			s.dependents[need] = append(s.dependents[need], i)
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

// finished reports whether every node has ended.
func (s *schedule) finished() bool { return s.left == 0 }

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
	for _, dependent := range s.dependents[node] {
		s.waitsFor[dependent]--
		s.offer(dependent)
	}
	at := s.plan.Nodes[node].Stage
	stage := &s.stages[at]
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

func (s *schedule) stageReady(stage int) {
	for _, node := range s.plan.Stages[stage].Nodes {
		s.offer(node)
	}
}

// offer makes a node due if nothing holds it back any more.
func (s *schedule) offer(node int) {
	if s.waitsFor[node] == 0 && s.stages[s.plan.Nodes[node].Stage].waitsFor == 0 {
		s.due = append(s.due, node)
	}
}
