package pipefile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/pipefile"
)

// FuzzParse: whatever the bytes, Parse returns, places are within the file,
// and specs without errors are whole.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	for _, seed := range []string{"&a", "*a", "a: &a", "!!str", "? ", "- - -", "{", "[", "'", "\"\\x", "|", ">", "%YAML", "a: |2\n x", "<<: <<", "---\n...", "\t", "a:\n- b\n c"} {
		f.Add([]byte(seed))
	}
	parser := pipefile.NewParser(testCatalog())
	f.Fuzz(func(t *testing.T, source []byte) {
		if len(source) > 64<<10 {
			return
		}
		specs, diagnostics := parser.Parse("f.yaml", source)
		lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(bytes.TrimPrefix(source, []byte("\xef\xbb\xbf")))), "\n")
		if len(diagnostics) > 101 {
			t.Fatal("too many diagnostics")
		}
		for _, d := range diagnostics {
			if d.Message == "" || d.Line < 0 || d.Line > len(lines) || d.Line > 0 && (d.Column < 1 || d.Column > utf8.RuneCountInString(lines[d.Line-1])+1) {
				t.Fatalf("%+v", d)
			}
		}
		if core.HasErrors(diagnostics) {
			return
		}
		if len(specs) == 0 {
			t.Fatal("neither specs nor errors")
		}
		for _, spec := range specs {
			if spec.Name == "" || len(spec.Stages) == 0 {
				t.Fatalf("%+v", spec)
			}
			if _, err := json.Marshal(spec); err != nil {
				t.Fatal(err)
			}
			for _, stage := range spec.Stages {
				for _, step := range stage.Steps {
					if step.Connector == "" || len(step.Config) == 0 || step.Config[0] != '{' {
						t.Fatalf("%+v", step)
					}
				}
			}
		}
	})
}
