package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

func step(name string, dependsOn ...string) core.Step {
	return core.Step{Name: name, DependsOn: dependsOn}
}

func stage(name string, steps ...core.Step) core.Stage { return core.Stage{Name: name, Steps: steps} }

func after(s core.Stage, names ...string) core.Stage {
	s.DependsOn = append([]string{}, names...)
	return s
}

func parallel(s core.Stage) core.Stage {
	s.Parallel = true
	return s
}

// draw writes a plan as one line for each stage: "name<needs: step<needs ...".
func draw(p *plan.Plan) []string {
	var lines []string
	for i, s := range p.Stages {
		line := fmt.Sprintf("%d %s%v:", s.Index, s.Spec.Name, s.Needs)
		for _, n := range s.Nodes {
			node := p.Nodes[n]
			if node.Index != n || node.Stage != i {
				line += " WRONG INDEX"
			}
			line += fmt.Sprintf(" %d %s%v", node.Index, node.Step.Name, node.Needs)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestCompile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stages []core.Stage
		want   []string
	}{
		"nothing": {},
		"stages and steps run in order": {
			[]core.Stage{stage("a", step("x"), step("y")), stage("b", step("x"), step("z"))},
			[]string{"0 a[]: 0 x[] 1 y[0]", "1 b[0]: 2 x[] 3 z[2]"}},
		"a parallel stage": {
			[]core.Stage{parallel(stage("a", step("x"), step("y"), step("z", "x", "y", "x")))},
			[]string{"0 a[]: 0 x[] 1 y[] 2 z[0 1]"}},
		"an empty list needs nothing": {
			[]core.Stage{stage("a", step("x"), core.Step{Name: "y", DependsOn: []string{}}), after(stage("b", step("x")))},
			[]string{"0 a[]: 0 x[] 1 y[]", "1 b[]: 2 x[]"}},
		"forward in the file": {
			[]core.Stage{after(stage("deploy", step("x", "y"), core.Step{Name: "y", DependsOn: []string{}}), "build"), after(stage("build", step("x")))},
			[]string{"0 deploy[1]: 0 x[1] 1 y[]", "1 build[]: 2 x[]"}},
		"a diamond": {
			[]core.Stage{stage("a", step("x")), after(stage("b", step("x")), "a"), after(stage("c", step("x")), "a"), after(stage("d", step("x")), "b", "c", "b")},
			[]string{"0 a[]: 0 x[]", "1 b[0]: 1 x[]", "2 c[0]: 2 x[]", "3 d[1 2]: 3 x[]"}},
		"a step of another stage": {
			[]core.Stage{stage("a", step("x"), step("y")), after(stage("b", step("x", "a/x"), step("y")))},
			[]string{"0 a[]: 0 x[] 1 y[0]", "1 b[]: 2 x[0] 3 y[2]"}},
		"slashes in names": {
			[]core.Stage{stage("a/b", step("c/d")), after(stage("e", step("a/b"), step("f", "a/b/c/d", "a/b")))},
			[]string{"0 a/b[]: 0 c/d[]", "1 e[]: 1 a/b[] 2 f[0 1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, problems := plan.Compile(&core.Spec{Stages: tc.stages})
			if len(problems) > 0 {
				t.Fatalf("problems: %+v", problems)
			}
			if diff := cmp.Diff(tc.want, draw(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stages []core.Stage
		want   []string
	}{
		"duplicate names": {
			[]core.Stage{stage("a", step("x"), step("y"), step("x")), stage("b"), stage("a")},
			[]string{`0.2 name[-1]: step 1 in the stage is named "x" too`, `2.-1 name[-1]: stage 1 in the pipeline is named "a" too`}},
		"unknown stage": {
			[]core.Stage{stage("build"), after(stage("test"), "buld")},
			[]string{`1.-1 depends_on[0]: there is no stage "buld" (did you mean "build"?)`}},
		"unknown step": {
			[]core.Stage{stage("build", step("compile"), step("link", "compile", "complie"))},
			[]string{`0.1 depends_on[1]: stage "build" has no step "complie" (did you mean "compile"?)`}},
		"step of another stage without its stage": {
			[]core.Stage{stage("build", step("compile")), stage("test", step("unit", "compile"))},
			[]string{`1.0 depends_on[0]: stage "test" has no step "compile" (write "build/compile": a step of another stage is named with its stage)`}},
		"unknown step of another stage": {
			[]core.Stage{stage("build", step("compile")), stage("test", step("unit", "build/comple"))},
			[]string{`1.0 depends_on[0]: stage "build" has no step "comple" (did you mean "compile"?)`}},
		"itself": {
			[]core.Stage{after(stage("a", step("x", "x"), step("y", "a/y")), "a")},
			[]string{`0.-1 depends_on[0]: stage "a" depends on itself`, `0.0 depends_on[0]: step "x" depends on itself`, `0.1 depends_on[0]: step "y" depends on itself`}},
		"a cycle of steps": {
			[]core.Stage{stage("s", step("a", "c"), step("b"), step("c"))},
			[]string{`0.0 depends_on[0]: these wait for each other, none could ever start: a -> c -> b -> a (remove one`}},
		"a cycle of stages": {
			[]core.Stage{after(stage("a", step("x")), "b"), after(stage("b", step("x")), "a")},
			[]string{`0.-1 depends_on[0]: these wait for each other, none could ever start: a -> b -> a (remove one`}},
		"a cycle through a stage and a step": {
			[]core.Stage{stage("a", step("x", "b/y")), stage("b", step("y"))},
			[]string{`0.0 depends_on[0]: these wait for each other, none could ever start: b -> a -> a/x -> b/y -> b (remove one`}},
		"a cycle of steps of two stages": {
			[]core.Stage{after(stage("a", step("x", "b/y"))), after(stage("b", step("y", "a/x")))},
			[]string{`0.0 depends_on[0]: these wait for each other, none could ever start: a/x -> b/y -> a/x (remove one`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, problems := plan.Compile(&core.Spec{Stages: tc.stages})
			if p != nil {
				t.Error("there is a plan in spite of problems")
			}
			var got []string
			for _, pr := range problems {
				got = append(got, fmt.Sprintf("%d.%d %s[%d]: %s (%s)", pr.Stage, pr.Step, pr.Field, pr.Item, pr.Message, pr.Suggestion))
			}
			if len(got) != len(tc.want) {
				t.Fatalf("got %q", got)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tc.want[i]) {
					t.Errorf("got  %s\nwant %s", got[i], tc.want[i])
				}
			}
		})
	}
}

// TestCompileWide guards against edges between all steps of two stages.
func TestCompileWide(t *testing.T) {
	t.Parallel()
	const width = 5000
	spec := &core.Spec{}
	for _, name := range []string{"first", "second"} {
		s := parallel(stage(name))
		for i := range width {
			s.Steps = append(s.Steps, step(fmt.Sprint("s", i)))
		}
		spec.Stages = append(spec.Stages, s)
	}
	p, problems := plan.Compile(spec)
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	edges := 0
	for _, s := range p.Stages {
		edges += len(s.Needs)
	}
	for _, n := range p.Nodes {
		edges += len(n.Needs)
	}
	if edges != 1 || len(p.Nodes) != 2*width {
		t.Errorf("%d edges, %d nodes", edges, len(p.Nodes))
	}
}

// TestCompileDeep: a chain and a cycle as long as files allow.
func TestCompileDeep(t *testing.T) {
	t.Parallel()
	const depth = 100_000
	s := stage("s")
	for i := range depth {
		s.Steps = append(s.Steps, core.Step{Name: fmt.Sprint("s", i)})
	}
	spec := &core.Spec{Stages: []core.Stage{s}}
	if _, problems := plan.Compile(spec); len(problems) > 0 {
		t.Fatal(problems[0])
	}
	s.Steps[0].DependsOn = []string{fmt.Sprint("s", depth-1)}
	_, problems := plan.Compile(spec)
	if len(problems) != 1 || len(problems[0].Message) > 1000 {
		t.Errorf("problems: %.2000v", problems)
	}
}

func TestCompileManyProblems(t *testing.T) {
	t.Parallel()
	s := stage("s")
	for i := range 5000 {
		s.Steps = append(s.Steps, step(fmt.Sprint("s", i), fmt.Sprint("wrong", i)))
	}
	_, problems := plan.Compile(&core.Spec{Stages: []core.Stage{s}})
	if len(problems) != 100 {
		t.Errorf("%d problems", len(problems))
	}
}
