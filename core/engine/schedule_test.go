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
// exactly once, not before all that it needs has ended, and everything ends.
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
	var running []int
	for !s.finished() {
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
			running = append(running, node)
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

// needsOf is everything that a node directly waits for.
func needsOf(p *plan.Plan, node int) []int {
	needs := append([]int(nil), p.Nodes[node].Needs...)
	for _, stage := range p.Stages[p.Nodes[node].Stage].Needs {
		needs = append(needs, p.Stages[stage].Nodes...)
	}
	return needs
}
