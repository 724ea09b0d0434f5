package pipefile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pipefile"
)

var update = flag.Bool("update", false, "write the golden files")

// catalog is a fixed list of connectors.
type catalog []*core.ConnectorInfo

func (c catalog) Connectors(context.Context) []*core.ConnectorInfo { return c }

func (c catalog) Connector(_ context.Context, name string) (*core.ConnectorInfo, error) {
	for _, info := range c {
		if info.Name == name {
			return info, nil
		}
	}
	return nil, core.NotFound("connector", name)
}

const shellSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,"properties":{
	"command":{"type":"string"},
	"script":{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]},
	"working_directory":{"type":"string"},
	"environment":{"oneOf":[{"type":"object","additionalProperties":{"type":["string","number","boolean","null"]}},{"type":"array","items":{"type":"string"}}]},
	"shell":{"type":"string"},"deployment_type":{"type":"string"},"disable_deployment_detection":{"type":"boolean"}}}`

const deploySchema = `{"type":"object","additionalProperties":false,"required":["cluster"],"properties":{
	"cluster":{"type":"string","minLength":1},"replicas":{"type":"integer","minimum":1,"maximum":9},
	"mode":{"enum":["blue","green"]},"zone":{"type":"string","pattern":"^[a-z]+-[0-9]$"},
	"ports":{"type":"array","items":{"type":"string"},"minItems":1},"force":{"type":"boolean"},
	"limits":{"type":"object","additionalProperties":false,"required":["cpu"],"properties":{"cpu":{"type":"string"},"memory":{"type":"string"}}}}}`

func testCatalog() catalog {
	return catalog{
		{Name: "shell", SHA256: "1", State: core.ConnectorAvailable, Actions: []core.ActionInfo{{Name: "run", ConfigSchema: json.RawMessage(shellSchema)}}},
		{Name: "acme", SHA256: "2", State: core.ConnectorRunning, Actions: []core.ActionInfo{
			{Name: "deploy", ConfigSchema: json.RawMessage(deploySchema)}, {Name: "destroy", ConfigSchema: json.RawMessage(`{"type":"object"}`)}}},
		{Name: "github", SHA256: "3", State: core.ConnectorAvailable, Actions: []core.ActionInfo{{Name: "clone", ConfigSchema: json.RawMessage(`{"type":"object"}`)}}},
		{Name: "outputs", SHA256: "6", State: core.ConnectorAvailable, Actions: []core.ActionInfo{{Name: "run", ConfigSchema: json.RawMessage(`{"type":"object"}`),
			Outputs: []core.ConnectorNeed{{Name: "url"}, {Name: "id"}}}}},
		{Name: "webhook", SHA256: "7", State: core.ConnectorAvailable, Webhook: &core.WebhookInfo{OptionsSchema: json.RawMessage(
			`{"type":"object","properties":{"mapping":{"type":"object","properties":{"branch":{"type":"string"}},"additionalProperties":false}},"additionalProperties":false}`)}},
		{Name: "gitea", SHA256: "8", State: core.ConnectorAvailable, Webhook: &core.WebhookInfo{Headers: []string{"x-gitea-event"}}},
		{Name: "aws", SHA256: "4", State: core.ConnectorBroken, Reason: "it speaks protocol 9, this host speaks 1"},
		{Name: "forge", SHA256: "7", State: core.ConnectorAvailable, Capabilities: []string{"report_status"}},
		{Name: "odd", SHA256: "5", State: core.ConnectorAvailable, Actions: []core.ActionInfo{{Name: "run", ConfigSchema: json.RawMessage(`{"type":"nonsense"}`)}}},
	}
}

// TestGolden compares what is made of testdata/*.yaml with the .golden file beside
// each. Files named ok- and warn- have no errors, all others have some; strict- are
// read strictly.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			specs, diagnostics := pipefile.Parse(t.Context(), filepath.Base(file), source,
				pipefile.Options{Catalog: testCatalog(), Strict: strings.HasPrefix(name, "strict-")})
			usable := strings.HasPrefix(name, "ok-") || strings.HasPrefix(name, "warn-")
			if core.HasErrors(diagnostics) == usable {
				t.Errorf("errors: %v", diagnostics)
			}
			got := render(t, specs, diagnostics)
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// render writes diagnostics as text, then the specs as JSON where they are usable.
func render(t *testing.T, specs []*core.Spec, diagnostics []core.Diagnostic) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, d := range diagnostics {
		b.WriteString(d.String() + "\n" + d.Excerpt + "\n")
	}
	if core.HasErrors(diagnostics) {
		return b.Bytes()
	}
	for _, spec := range specs {
		text, err := json.MarshalIndent(spec, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	return b.Bytes()
}
