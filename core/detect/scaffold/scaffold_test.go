package scaffold_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/detect"
	"github.com/patchbay-ci/patchbay/core/detect/scaffold"
	"github.com/patchbay-ci/patchbay/core/pipefile"
)

var update = flag.Bool("update", false, "write the golden files")

// shell is the only connector that is there.
type shell struct{}

func (shell) Connectors(context.Context) []*core.ConnectorInfo {
	return []*core.ConnectorInfo{{Name: "shell", SHA256: "1", State: core.ConnectorAvailable, Actions: []core.ActionInfo{{Name: "run",
		ConfigSchema: json.RawMessage(`{"type":"object","additionalProperties":false,"required":["script"],"properties":{
			"script":{"type":"string","minLength":1},"working_directory":{"type":"string"}}}`)}}}}
}

func (s shell) Connector(ctx context.Context, name string) (*core.ConnectorInfo, error) {
	if name == "shell" {
		return s.Connectors(ctx)[0], nil
	}
	return nil, core.NotFound("connector", name)
}

// unpack writes the files of an archive in the form of Go's txtar: each after a line
// with its name.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	text, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "project")
	for _, part := range strings.Split("\n"+string(text), "\n-- ")[1:] {
		name, content, found := strings.Cut(part, " --\n")
		if !found {
			name = strings.TrimSuffix(part, " --")
		}
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// written is everything that is made of a report, for people to compare.
func written(report *detect.Report, pipeline string) string {
	var b strings.Builder
	for _, w := range report.Workspaces {
		fmt.Fprintf(&b, "workspace %s: %s %v\n", w.Path, w.Tool, w.Members)
	}
	for _, p := range report.Projects {
		fmt.Fprintf(&b, "%s: %s %s %s %q %q\n", p.Path, p.Type, p.Tool, p.Confidence, p.Name, p.Version)
	}
	for _, w := range report.Warnings {
		fmt.Fprintf(&b, "warning %s: %s\n", w.Path, w.Message)
	}
	fmt.Fprintf(&b, "\n=== pipeline ===\n%s", pipeline)
	for _, p := range report.Projects {
		if text, whyNot := scaffold.Dockerfile(p); text != "" {
			fmt.Fprintf(&b, "\n=== Dockerfile of %s ===\n%s", p.Path, text)
			fmt.Fprintf(&b, "\n=== .dockerignore of %s ===\n%s", p.Path, scaffold.Dockerignore(p))
		} else {
			fmt.Fprintf(&b, "\n=== no Dockerfile of %s: %s\n", p.Path, whyNot)
		}
	}
	return b.String()
}

// TestGolden compares what is written for testdata/*.txtar with the .golden file
// beside each, and reads the pipeline as strictly as can be.
func TestGolden(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no test files", err)
	}
	for _, archive := range archives {
		name := strings.TrimSuffix(filepath.Base(archive), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := detect.Detect(t.Context(), unpack(t, archive), detect.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			pipeline := scaffold.Pipeline(name, report)
			checkPipeline(t, pipeline)
			got := written(report, pipeline)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(want, []byte(got)) {
				t.Errorf("-want +got:\n%s", cmp.Diff(string(want), got))
			}
		})
	}
}

// checkPipeline wants no word from the reader of pipelines, not even a warning.
func checkPipeline(t *testing.T, text string) []core.Spec {
	t.Helper()
	specs, diagnostics := pipefile.Parse(t.Context(), "patchbay.yaml", []byte(text), pipefile.Options{Catalog: shell{}, Strict: true})
	for _, d := range diagnostics {
		t.Errorf("%s\n%s", d.String(), d.Excerpt)
	}
	var list []core.Spec
	for _, spec := range specs {
		list = append(list, *spec)
	}
	if len(list) != 1 {
		t.Errorf("%d pipelines in:\n%s", len(list), text)
	}
	return list
}
