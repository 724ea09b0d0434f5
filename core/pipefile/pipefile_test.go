package pipefile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pipefile"
)

// twenty is a file of 20 steps, the size that is measured.
func twenty() []byte {
	var b strings.Builder
	b.WriteString("name: twenty\ndescription: for measuring\nenvironment:\n  GOFLAGS: -mod=mod\ntriggers:\n  - trigger_type: manual\nstages:\n")
	for i := range 4 {
		fmt.Fprintf(&b, "  - name: stage %d\n    timeout: 10m\n    steps:\n", i)
		for j := range 5 {
			fmt.Fprintf(&b, "      - name: step %d\n        step_type: shell\n        config:\n          command: echo %d\n          working_directory: src\n          environment:\n            A: b\n        timeout: 60\n", j, j)
		}
	}
	return []byte(b.String())
}

// TestBounds: what is too much is refused, with one error that says so. A test
// that hangs is one that fails.
func TestBounds(t *testing.T) {
	t.Parallel()
	const size = 256 << 10
	fill := func(text string) string { return strings.Repeat(text, size/len(text)) }
	keys := func(sep string) string {
		var b strings.Builder
		for i := range 50_000 {
			fmt.Fprintf(&b, "k%d: v%s", i, sep)
		}
		return b.String()
	}
	for name, tc := range map[string]struct{ source, want string }{
		"too long":      {strings.Repeat("x", pipefile.MaxSize+1), "at most"},
		"flow depth":    {fill("["), "nested"},
		"map depth":     {fill("{a: "), "nested"},
		"block depth":   {fill("- "), "nested"},
		"question":      {fill("? "), ""},
		"empty items":   {fill("-\n"), "words and signs"},
		"anchors":       {fill("&a "), "words and signs"},
		"aliases":       {fill("*a "), "words and signs"},
		"tags":          {fill("!a "), ""},
		"block keys":    {keys("\n"), "more than 4000 keys"},
		"flow keys":     {"{" + keys(", ") + "}", "more than 4000 keys"},
		"colons":        {fill("a: "), ""},
		"documents":     {fill("---\n"), ""},
		"merged lists":  {"a: &a {x: 1, y: 2}\nb: &b [" + strings.Repeat("*a, ", 3500) + "]\n<<: [" + strings.Repeat("*b, ", 3500) + "]\n", "too large"},
		"merges":        {"a: &a\n" + strings.Join(strings.SplitAfter(keys("\n "), "\n")[1:3000], "") + "k: v\nb:\n" + strings.Repeat("- <<: *a\n", 10_000), "too much is merged"},
		"unclosed":      {"a: \"" + fill("x\\n"), "not YAML"},
		"comments only": {fill("# c\n"), "empty"},
		"blank only":    {fill("\n"), "empty"},
		"combinations":  {"name: x\nstages:\n" + numbered("- {name: s%d, matrix: {a: &a [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16], b: *a}, steps: [{name: t, run: x}]}\n", 250), "more than 50000 steps"},
		"expressions":   {"name: x\nstages: [{name: s, steps: [{name: t, run: \"" + fill("${{ branch }}") + "\"}]}]\n", "more than 1000"},
		"unknown steps": {"name: x\nstages:\n- name: s\n  steps:\n" + numbered("  - {name: s%d, run: '${{ steps.t.outputs.x }}'}\n", 5000), "there is no step"},
		"params":        {"name: x\nparams: {" + keys(", ")[:2000] + "}\n", "200 is the most"},
		"folded":        {"a: >\n" + fill("  x\n\n"), "no name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, diagnostics := pipefile.Parse(t.Context(), "", []byte(tc.source), pipefile.Options{})
			if !core.HasErrors(diagnostics) {
				t.Fatal("accepted")
			}
			for _, d := range diagnostics {
				if strings.Contains(d.Message, tc.want) {
					return
				}
			}
			t.Errorf("got %v", diagnostics)
		})
	}
}

// numbered writes a line with each number below n.
func numbered(line string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line, i)
	}
	return b.String()
}

// TestManyReferences: each of many steps looks all the way back.
func TestManyReferences(t *testing.T) {
	t.Parallel()
	source := "name: x\nstages:\n- name: s\n  steps:\n  - {name: first, run: x}\n" + numbered("  - {name: s%d, run: '${{ steps.first.outputs.x }}'}\n", 5000)
	if _, diagnostics := pipefile.NewParser(testCatalog()).Parse("", []byte(source)); len(diagnostics) > 0 {
		t.Errorf("got %.500v", diagnostics)
	}
}

// TestLarge: a file may be as large as this and is read.
func TestLarge(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("name: large\nstages:\n  - name: s\n    parallel: true\n    steps:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "      - name: s%d\n        run: |\n%s", i, strings.Repeat("          echo hello world\n", 50))
	}
	specs, diagnostics := pipefile.NewParser(testCatalog()).Parse("large.yaml", []byte(b.String()))
	if len(diagnostics) > 0 || len(specs) != 1 || len(specs[0].Stages[0].Steps) != 1000 {
		t.Fatalf("%d specs, %.1000v", len(specs), diagnostics)
	}
}

// failing is a catalog that cannot answer.
type failing struct{ catalog }

func (failing) Connector(context.Context, string) (*core.ConnectorInfo, error) {
	return nil, errors.New("secret path")
}

func TestCatalogFails(t *testing.T) {
	t.Parallel()
	source := []byte("name: x\nstages: [{name: s, steps: [{name: t, run: x}]}]\n")
	_, diagnostics := pipefile.NewParser(failing{}).Parse("", source)
	if len(diagnostics) != 1 || !strings.Contains(diagnostics[0].Message, "cannot be asked") || strings.Contains(diagnostics[0].Message, "secret") {
		t.Errorf("got %v", diagnostics)
	}
}

func TestNoCatalog(t *testing.T) {
	t.Parallel()
	source := []byte("name: x\nstages: [{name: s, steps: [{name: t, step_type: acme, config: {action: a, b: 1}}]}]\n")
	specs, diagnostics := pipefile.NewParser(nil).Parse("", source)
	if len(diagnostics) > 0 || specs[0].Stages[0].Steps[0].Action != "a" || string(specs[0].Stages[0].Steps[0].Config) != `{"b":1}` {
		t.Errorf("got %v %v", specs, diagnostics)
	}
}

// TestDeployments: a custom step that says how it deploys is one of the action that does.
func TestDeployments(t *testing.T) {
	t.Parallel()
	any := []byte(`{"type":"object","not":{"required":["deployment_type"]}}`)
	c := catalog{{Name: "deploy", State: core.ConnectorAvailable, Actions: []core.ActionInfo{{Name: "local_directory", ConfigSchema: any}, {Name: "local_service", ConfigSchema: any}}},
		{Name: "docker", State: core.ConnectorAvailable, Actions: []core.ActionInfo{{Name: "run", ConfigSchema: any}, {Name: "deploy", ConfigSchema: any}}}}
	for config, want := range map[string]string{
		"{deployment_type: docker, image: x}":                     "docker/deploy",
		"{deployment_type: local_service, service_name: x}":       "deploy/local_service",
		"{deployment_type: local_directory, target_directory: x}": "deploy/local_directory",
		"{deployment_type: heroku}":                               "write local_directory, local_service or docker",
		"{deployment_type: [docker]}":                             "write local_directory, local_service or docker",
		"{deployment_type: docker, action: run}":                  "keep one of them",
	} {
		source := "name: x\nstages: [{name: s, steps: [{name: t, step_type: custom, config: " + config + "}]}]\n"
		specs, diagnostics := pipefile.NewParser(c).Parse("", []byte(source))
		if len(diagnostics) > 0 {
			if diagnostics[0].Suggestion != want {
				t.Errorf("%s: %v", config, diagnostics)
			}
			continue
		}
		if step := specs[0].Stages[0].Steps[0]; step.Connector+"/"+step.Action != want || strings.Contains(string(step.Config), "deployment_type") {
			t.Errorf("%s: got %s/%s %s", config, step.Connector, step.Action, step.Config)
		}
	}
}

// TestImpliedAction: what a step's config has tells its action, and that one's schema
// is what it is held against.
func TestImpliedAction(t *testing.T) {
	t.Parallel()
	c := catalog{{Name: "acme", State: core.ConnectorAvailable, Actions: []core.ActionInfo{
		{Name: "run", ConfigSchema: []byte(`{"type":"object","additionalProperties":false,"properties":{"command":{},"file":{}}}`)},
		{Name: "build", ConfigSchema: []byte(`{"type":"object","properties":{"file":{"type":"string"}}}`), ImpliedBy: []core.KeyPattern{{Present: []string{"file"}, Absent: []string{"command"}}}},
	}}}
	for config, want := range map[string]string{
		"{command: x}":              "",
		"{file: x, command: y}":     "",
		"{file: x}":                 "build",
		"{file: x, command: null}":  "build",
		"{file: null, command: y}":  "",
		"{file: x, action: run}":    "run",
		"{file: 1}":                 "error",
		"{file: x, other: allowed}": "build",
	} {
		source := "name: x\nstages: [{name: s, steps: [{name: t, step_type: acme, config: " + config + "}]}]\n"
		specs, diagnostics := pipefile.NewParser(c).Parse("x.yaml", []byte(source))
		switch {
		case len(diagnostics) > 0:
			if !strings.HasPrefix(want, "error") || !strings.Contains(diagnostics[0].Message, "file") {
				t.Errorf("config %s: %v", config, diagnostics)
			}
		case specs[0].Stages[0].Steps[0].Action != want:
			t.Errorf("config %s: got %q, want %q", config, specs[0].Stages[0].Steps[0].Action, want)
		}
	}
}

// TestParserConcurrent shares one cache of schemas.
func TestParserConcurrent(t *testing.T) {
	t.Parallel()
	parser, source := pipefile.NewParser(testCatalog()), twenty()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if specs, diagnostics := parser.Parse("", source); len(diagnostics) > 0 || len(specs) != 1 {
				t.Errorf("got %v", diagnostics)
			}
		})
	}
	group.Wait()
}

func BenchmarkParse(b *testing.B) {
	source := twenty()
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pipefile.Parse(b.Context(), "", source, pipefile.Options{Catalog: testCatalog()})
		}
	})
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		parser := pipefile.NewParser(testCatalog())
		for b.Loop() {
			parser.Parse("", source)
		}
	})
}
