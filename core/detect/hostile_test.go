package detect

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// warned reports whether there is a warning about a path with words in it.
func warned(report *Report, path, words string) bool {
	for _, w := range report.Warnings {
		if w.Path == path && strings.Contains(w.Message, words) {
			return true
		}
	}
	return false
}

func TestLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	outside := makeTree(t, map[string]string{"go.mod": "module outside", "in/package.json": "{}"})
	dir := makeTree(t, map[string]string{"a/README": ""})
	for link, to := range map[string]string{"loop": ".", "a/up": "..", "out": outside, "go.mod": filepath.Join(outside, "go.mod"),
		"a/self": "self", "a/package.json": "../../package.json"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if report := detectIn(t, dir, Limits{}); len(report.Projects) != 0 || report.Entries > 10 {
		t.Errorf("found %v in %d entries", summary(report), report.Entries)
	}
}

func TestPipesAreNotOpened(t *testing.T) {
	t.Parallel()
	dir := makeTree(t, map[string]string{"go.mod": "module a"})
	for _, name := range []string{"package.json", ".gitignore", "Cargo.toml"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := summary(detectIn(t, dir, Limits{})); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := makeTree(t, map[string]string{
		"binary/package.json": "{\x00\x01}", "latin/pom.xml": "<project>\xe4</project>", "cut/Cargo.toml": "[package\n", "xml/pom.xml": "<project><a></b>",
		"bomb/pom.xml":         `<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><project><artifactId>&b;</artifactId></project>`,
		"deep/Cargo.toml":      "a = " + strings.Repeat("[", 200_000),
		"deepjson/global.json": strings.Repeat("[", 200_000), "deepjson/A.csproj": strings.Repeat("<a>", 100_000),
		"deepyaml/pnpm-workspace.yaml": strings.Repeat("[", 200_000), "yamlbomb/pnpm-workspace.yaml": "a: &a [x,x]\nb: &b [*a,*a]\npackages: [*b,*b]",
		"json/composer.json": `{"a": 1,}`, "wide/go.mod": "module " + strings.Repeat("x", 500_000),
	})
	// A hole of 100 MB takes no room on the disk, and is as large to who reads it.
	if err := os.Mkdir(filepath.Join(dir, "huge"), 0o700); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge", "package.json")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 100<<20); err != nil {
		t.Fatal(err)
	}
	report := detectIn(t, dir, Limits{})
	for path, words := range map[string]string{
		"binary/package.json": "not a text", "latin/pom.xml": "not a text", "cut/Cargo.toml": "not understood", "xml/pom.xml": "not understood",
		"bomb/pom.xml": "entity", "deep/Cargo.toml": "nested too deeply", "deepjson/global.json": "not understood", "deepjson/A.csproj": "not understood",
		"deepyaml/pnpm-workspace.yaml": "nested too deeply", "json/composer.json": "invalid character", "huge/package.json": "too large",
	} {
		if !warned(report, path, words) {
			t.Errorf("no warning about %s with %q in %v", path, words, report.Warnings)
		}
	}
	for _, p := range report.Projects {
		if p.Confidence == Certain && p.Path != "wide" {
			t.Errorf("%s is certain", p.Path)
		}
	}
}

func TestManyFiles(t *testing.T) {
	t.Parallel()
	dir := makeTree(t, map[string]string{"go.mod": "module a"})
	for i := range 50_000 {
		name := filepath.Join(dir, fmt.Sprintf("f%05d.go", i))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	report := detectIn(t, dir, Limits{})
	if report.Truncated || report.Entries < 50_000 || len(report.Projects) != 1 {
		t.Errorf("%d entries, truncated %v, found %v", report.Entries, report.Truncated, summary(report))
	}
	if report := detectIn(t, dir, Limits{Entries: 1000}); !report.Truncated || !warned(report, ".", "more than 1000 files") {
		t.Errorf("with a limit: %v", report.Warnings)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	files := map[string]string{strings.Repeat("d/", 9) + "go.mod": "module deep"}
	for i := range 30 {
		files[fmt.Sprintf("p%02d/package.json", i)] = `{"name":"` + strings.Repeat("x", 1000) + `"}`
	}
	dir := makeTree(t, files)
	report := detectIn(t, dir, Limits{Projects: 10, TotalBytes: 5000})
	if len(report.Projects) != 10 || !warned(report, "p10", "more than 10 projects") {
		t.Errorf("%d projects, warned %v", len(report.Projects), report.Warnings)
	}
	if !warned(report, "p09/package.json", "read altogether") {
		t.Errorf("read everything: %v", report.Warnings)
	}
	if !report.Truncated {
		t.Error("the depth is not bounded")
	}
}

// What a manifest says never becomes an order to a shell, to the engine's expressions
// or to Docker.
func TestWordsOfStrangersAreNoOrders(t *testing.T) {
	t.Parallel()
	evil := "x'\"; touch /tmp/evil $(evil) `evil` ${{ evil }}\\nRUN evil"
	report := detectIn(t, makeTree(t, map[string]string{
		"a/package.json":     `{"name":"` + strings.ReplaceAll(evil, `"`, `\"`) + `","scripts":{"start":"node ; evil","build":"evil"},"engines":{"node":"evil 20"}}`,
		"b/Cargo.toml":       "[package]\nname = \"evil; evil\"\n[[bin]]\nname = \"$(evil)\"\n",
		"b/src/main.rs":      "",
		"c/pom.xml":          "<project><artifactId>$(evil)</artifactId></project>",
		"d/go.mod":           "module evil.com/x\ngo 1.26\n",
		"d/cmd/$(evil)/a.go": "package main\n",
		"e/$(evil)/go.mod":   "module e\n",
		"f/evil;.sln":        "",
		"g/settings.gradle":  "include ':$(evil)', ';evil'\n", "g/$(evil)/build.gradle": "",
		"h/Gemfile": "gem 'evil'\n", "h/.ruby-version": "$(evil)",
		"i/pyproject.toml": "[project]\nname='i'\n[project.scripts]\n'$(evil)' = 'evil'\n[project.optional-dependencies]\n\"dev'; evil\" = []\n",
	}), Limits{})
	if len(report.Projects) < 8 {
		t.Errorf("found only %v", summary(report))
	}
	for _, p := range report.Projects {
		words := p.Name + p.Path + p.Version
		for _, s := range p.Steps {
			words += s.Script + s.Folder + strings.Join(s.Artifacts, "")
		}
		if p.App != nil {
			words += p.App.Entry + p.App.Output + strings.Join(p.App.Command, " ")
		}
		if strings.Contains(words, "evil") {
			t.Errorf("%s: %s", p.Path, words)
		}
	}
}
