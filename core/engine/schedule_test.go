package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// randomSpec makes a pipeline without cycles: everything depends on earlier things.
func randomSpec(random *rand.Rand) *core.Spec {
	spec := &core.Spec{Name: "random"}
	for s := range 1 + random.IntN(5) {
		stage := core.Stage{Name: fmt.Sprintf("s%d", s), Parallel: random.IntN(2) == 0}
		if random.IntN(2) == 0 {
			stage.DependsOn = []string{}
			for earlier := range s {
				if random.IntN(2) == 0 {
					stage.DependsOn = append(stage.DependsOn, fmt.Sprintf("s%d", earlier))
				}
			}
		}
		if random.IntN(3) == 0 {
			stage.Matrix = &core.Matrix{Axes: []core.MatrixAxis{{Name: "a", Values: []string{"1", "2", "3"}}}, MaxParallel: random.IntN(3)}
		}
		if random.IntN(4) == 0 {
			stage.Approval = &core.ApprovalSpec{}
		}
		if random.IntN(4) == 0 {
			stage.Concurrency = &core.Concurrency{Group: "g"}
		}
		for n := range 1 + random.IntN(6) {
			step := core.Step{Name: fmt.Sprintf("n%d", n), Connector: "x"}
			if random.IntN(3) == 0 {
				step.DependsOn = []string{}
				for earlier := range n {
					if random.IntN(3) == 0 {
						step.DependsOn = append(step.DependsOn, fmt.Sprintf("n%d", earlier))
					}
				}
			}
			stage.Steps = append(stage.Steps, step)
		}
		spec.Stages = append(spec.Stages, stage)
	}
	return spec
}

// Whatever the pipeline and the order in which its steps end: each becomes due
// exactly once, not before all that it needs has ended, nor before its stage is
// approved and in its group, nor beyond what its matrix allows; and everything ends.
func TestScheduleRespectsThePlan(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		compiled, problems := plan.Compile(randomSpec(random))
		if len(problems) > 0 {
			t.Fatalf("seed %d: %v", seed, problems)
		}
		checkSchedule(t, seed, random, compiled)
	}
}

func checkSchedule(t *testing.T, seed uint64, random *rand.Rand, p *plan.Plan) {
	t.Helper()
	s := newSchedule(p)
	ended := make([]bool, len(p.Nodes))
	bad := make([]bool, len(p.Nodes))
	due := make([]int, len(p.Nodes))
	var running, asking []int
	admitted := make([]bool, len(p.Stages))
	for !s.finished() {
		for stage, ok := s.nextAdmission(); ok; stage, ok = s.nextAdmission() {
			asking = append(asking, stage)
		}
		if len(asking) > 0 && (len(running) == 0 || random.IntN(2) == 0) {
			if admitted[asking[0]] {
				t.Fatalf("seed %d: stage %d asks twice", seed, asking[0])
			}
			admitted[asking[0]] = true
			s.admit(asking[0])
			asking = asking[1:]
		}
		for node, ok := s.next(); ok; node, ok = s.next() {
			due[node]++
			wantBlocked := false
			for _, need := range needsOf(p, node) {
				if !ended[need] {
					t.Fatalf("seed %d: node %d is due before node %d has ended", seed, node, need)
				}
				wantBlocked = wantBlocked || bad[need]
			}
			if got := s.blocked(node); got != wantBlocked {
				t.Fatalf("seed %d: blocked(%d) is %v", seed, node, got)
			}
			if n := p.Nodes[node]; !n.IsApproval() && p.Stages[n.Stage].Spec.Concurrency != nil && !admitted[n.Stage] {
				t.Fatalf("seed %d: node %d is due outside its group", seed, node)
			}
			running = append(running, node)
		}
		checkParallel(t, seed, p, ended, due)
		if len(running) == 0 && len(asking) > 0 {
			continue
		}
		if len(running) == 0 {
			t.Fatalf("seed %d: nothing is due and nothing runs", seed)
		}
		at := random.IntN(len(running))
		node := running[at]
		running = append(running[:at], running[at+1:]...)
		ended[node] = true
		result := outcomeGood
		if bad[node] = random.IntN(5) == 0; bad[node] {
			result = outcomeBad
		}
		s.end(node, result)
		s.end(node, result) // ending it twice changes nothing
	}
	for node, times := range due {
		if times != 1 {
			t.Fatalf("seed %d: node %d was due %d times", seed, node, times)
		}
	}
}

// checkParallel counts the instances of each matrix that have begun and not ended.
func checkParallel(t *testing.T, seed uint64, p *plan.Plan, ended []bool, due []int) {
	t.Helper()
	for _, stage := range p.Stages {
		if stage.Spec.Matrix == nil || stage.Spec.Matrix.MaxParallel == 0 {
			continue
		}
		open := 0
		for _, i := range stage.Instances {
			begun, left := false, false
			for _, node := range p.Instances[i].Nodes {
				begun = begun || due[node] > 0
				left = left || !ended[node]
			}
			if begun && left && !p.Instances[i].Gate {
				open++
			}
		}
		if open > stage.Spec.Matrix.MaxParallel {
			t.Fatalf("seed %d: %d instances of stage %d run; %d is the most", seed, open, stage.Index, stage.Spec.Matrix.MaxParallel)
		}
	}
}

// needsOf is everything that a node directly waits for.
func needsOf(p *plan.Plan, node int) []int {
	needs := append([]int(nil), p.Nodes[node].Needs...)
	for _, stage := range p.Stages[p.Nodes[node].Stage].Needs {
		needs = append(needs, p.Stages[stage].Nodes...)
	}
	return needs
}
