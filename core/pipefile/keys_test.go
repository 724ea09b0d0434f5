package pipefile_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pipefile"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	topKey    = regexp.MustCompile(`(?m)^([a-z_]+):`)
)

// around is a pipeline for what is written about one key: in the place of @ at the
// level where the key belongs.
func around(key, text string) string {
	indent := func(n int) string {
		return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+strings.Repeat(" ", n))
	}
	const params = "params: {target: x, message: y, count: 1}\n"
	switch key {
	case "name", "stages":
		return text
	case "params":
		return "name: x\n" + text + "stages: [{name: s, steps: [{name: t, run: x}]}]\n"
	case "triggers", "notifications":
		return "name: x\n" + text + params + "stages: [{name: s, steps: [{name: t, run: x}]}]\n"
	case "matrix", "when", "approval", "concurrency":
		return "name: x\n" + params + "stages:\n  - name: s\n    " + indent(4) + "\n    steps: [{name: t, run: x}]\n"
	case "artifacts", "cache", "environment", "hooks":
		return "name: x\n" + params + "stages:\n  - name: s\n    matrix: {go: [1]}\n    steps:\n      - name: t\n        run: x\n        " + indent(8) + "\n"
	default:
		return "name: x\n" + params + "stages:\n  - name: s\n    steps:\n      - name: t\n        " + indent(8) + "\n"
	}
}

// TestKeysMD: what KEYS.md shows can be written, without even a warning.
func TestKeysMD(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("KEYS.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	check := func(source string) {
		checked++
		known := append(testCatalog(), &core.ConnectorInfo{Name: "gitlab", State: core.ConnectorAvailable, Capabilities: []string{"report_status"}})
		if _, diagnostics := pipefile.Parse(t.Context(), "KEYS.md", []byte(source), pipefile.Options{Catalog: known, Strict: true}); len(diagnostics) > 0 {
			t.Errorf("%s\n%v", source, diagnostics)
		}
	}
	for _, block := range yamlBlock.FindAllStringSubmatch(string(document), -1) {
		text := block[1]
		if strings.HasPrefix(text, "name:") {
			check(text)
			continue
		}
		starts := topKey.FindAllStringSubmatchIndex(text, -1)
		for i, at := range starts {
			end := len(text)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			check(around(text[at[2]:at[3]], text[at[0]:end]))
		}
	}
	if checked < 15 {
		t.Errorf("only %d examples found", checked)
	}
}
