package detect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzManifests gives a text to every detector at once: as whatever file it may be.
func FuzzManifests(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "null", "module a\n\ngo 1.26\n", "go 1.26\nuse (\n./a\n)\n", `{"workspaces":["a"],"scripts":{"test":"x"}}`,
		"[workspace]\nmembers=['*']\n[package]\nname='a'", "<project><modules><module>a</module></modules></project>", "packages:\n - '*'\n",
		"[tool.uv.workspace]\nmembers=['a','**']\n[project]\nname='x'", "include(\":a\", 'b')\nproject(\":\")", "FROM a AS b", "a: b\n\tc",
		"gem 'rails'\nruby '3'", "\xff\xfe", "*\n!a\n", "nodejs 20\npython", "a = [[[", "&a [*a]", "<a><![CDATA[", `{"require":[],"scripts":{"test":[]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		dir := t.TempDir()
		for _, folder := range []string{"", "a"} {
			if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
				t.Fatal(err)
			}
			for name := range told {
				if err := os.WriteFile(filepath.Join(dir, folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"a.csproj", "main.py", "x.go"} {
				if err := os.WriteFile(filepath.Join(dir, folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		report, err := Detect(t.Context(), dir, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range report.Projects {
			if p.Name == "" || plainName(p.Name) != p.Name || !plainPath(p.Path) {
				t.Errorf("%q in %q", p.Name, p.Path)
			}
			for _, e := range p.Evidence {
				if !utf8.ValidString(e.Says) || strings.ContainsAny(e.Says, "\n\x1b") {
					t.Errorf("evidence %q", e.Says)
				}
			}
		}
	})
}
