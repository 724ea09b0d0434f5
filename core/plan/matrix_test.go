package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

func axis(name string, values ...string) core.MatrixAxis {
	return core.MatrixAxis{Name: name, Values: values}
}

func TestCombinations(t *testing.T) {
	t.Parallel()
	type values = map[string]string
	for name, test := range map[string]struct {
		matrix *core.Matrix
		want   []values
	}{
		"none":     {nil, []values{nil}},
		"one axis": {&core.Matrix{Axes: []core.MatrixAxis{axis("go", "1.25", "1.26")}}, []values{{"go": "1.25"}, {"go": "1.26"}}},
		"the first axis varies slowest": {&core.Matrix{Axes: []core.MatrixAxis{axis("a", "1", "2"), axis("b", "x", "y")}},
			[]values{{"a": "1", "b": "x"}, {"a": "1", "b": "y"}, {"a": "2", "b": "x"}, {"a": "2", "b": "y"}}},
		"excluded": {&core.Matrix{Axes: []core.MatrixAxis{axis("a", "1", "2"), axis("b", "x", "y")}, Exclude: []values{{"a": "1"}, {"a": "2", "b": "x"}}},
			[]values{{"a": "2", "b": "y"}}},
		"included adds a value": {&core.Matrix{Axes: []core.MatrixAxis{axis("a", "1", "2")}, Include: []values{{"a": "2", "extra": "yes"}}},
			[]values{{"a": "1"}, {"a": "2", "extra": "yes"}}},
		"included without an axis adds to all": {&core.Matrix{Axes: []core.MatrixAxis{axis("a", "1", "2")}, Include: []values{{"extra": "yes"}}},
			[]values{{"a": "1", "extra": "yes"}, {"a": "2", "extra": "yes"}}},
		"included stands alone": {&core.Matrix{Axes: []core.MatrixAxis{axis("a", "1")}, Include: []values{{"a": "3"}}},
			[]values{{"a": "1"}, {"a": "3"}}},
		"only included": {&core.Matrix{Include: []values{{"a": "1"}, {"a": "2"}}}, []values{{"a": "1"}, {"a": "2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problem := plan.Combinations(test.matrix)
			if diff := cmp.Diff(test.want, got); diff != "" || problem != "" {
				t.Errorf("%s %s", problem, diff)
			}
		})
	}
}

func TestHopelessMatrices(t *testing.T) {
	t.Parallel()
	wide := axis("wide")
	for i := range 300 {
		wide.Values = append(wide.Values, fmt.Sprint(i))
	}
	for name, matrix := range map[string]*core.Matrix{
		"more than":            {Axes: []core.MatrixAxis{wide}},
		"no combinations left": {Axes: []core.MatrixAxis{axis("a", "1")}, Exclude: []map[string]string{{"a": "1"}}},
	} {
		if _, problem := plan.Combinations(matrix); !strings.Contains(problem, name) {
			t.Errorf("the problem is %q; want %q in it", problem, name)
		}
	}
}

// A matrix multiplies the nodes of its stage, each waiting for those of its own
// instance; others wait for all of them.
func TestMatrixAndApproval(t *testing.T) {
	t.Parallel()
	approval := &core.ApprovalSpec{}
	spec := &core.Spec{Stages: []core.Stage{
		{Name: "build", Steps: []core.Step{{Name: "a"}}, Approval: approval},
		{Name: "test", Matrix: &core.Matrix{Axes: []core.MatrixAxis{axis("go", "1", "2")}}, Approval: approval,
			Steps: []core.Step{{Name: "vet"}, {Name: "run"}}},
		{Name: "ship", DependsOn: []string{}, Steps: []core.Step{{Name: "push", DependsOn: []string{"test/run"}}}},
	}}
	p, problems := plan.Compile(spec)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, n := range p.Nodes {
		got = append(got, fmt.Sprintf("%d %s: %s %v", n.Index, p.Instances[n.Instance].Name, n.Step.Name, n.Needs))
	}
	want := []string{"0 build: approval []", "1 build: a [0]",
		"2 test: approval []", "3 test (1): vet [2]", "4 test (1): run [3]", "5 test (2): vet [2]", "6 test (2): run [5]",
		"7 ship: push [4 6]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
