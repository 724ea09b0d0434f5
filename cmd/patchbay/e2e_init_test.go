package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folderOf makes a folder with files.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func contentOf(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// goProject is a small program.
func goProject() map[string]string {
	return map[string]string{"go.mod": "module example.com/hello\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { println(\"up\") }\n"}
}

func TestInitWritesWhatRuns(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, goProject())
	pipeline := filepath.Join(dir, "patchbay.yaml")
	if o := patchbay(t, "init", dir); o.code != 0 || !strings.Contains(o.stdout, "go.mod module: example.com/hello") {
		t.Fatalf("init: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if o := patchbay(t, "validate", "--strict", pipeline); o.code != 0 || strings.Contains(o.stdout, "warning") {
		t.Errorf("validate: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	results := t.TempDir()
	if o := patchbay(t, "run", "--project", dir, "--artifacts", results, pipeline); o.code != 0 {
		t.Fatalf("run: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if found, _ := filepath.Glob(filepath.Join(results, "*", "bin", "hello")); len(found) != 1 {
		t.Errorf("the program is no artifact: %v", found)
	}
	for name, want := range map[string]string{"Dockerfile": "USER 65532", ".dockerignore": ".git\n"} {
		if got := contentOf(t, filepath.Join(dir, name)); !strings.Contains(got, want) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	t.Parallel()
	files := goProject()
	files["patchbay.yaml"], files["Dockerfile"], files[".dockerignore"] = "mine", "FROM mine", "mine"
	dir := folderOf(t, files)
	if o := patchbay(t, "init", dir); o.code != 2 || !strings.Contains(o.stderr, "--force") {
		t.Errorf("init over a file: exit code %d\n%s", o.code, o.stderr)
	}
	if got := contentOf(t, filepath.Join(dir, "patchbay.yaml")); got != "mine" {
		t.Errorf("the file was overwritten:\n%s", got)
	}
	if o := patchbay(t, "init", "--force", dir); o.code != 0 || !strings.Contains(o.stdout, "is there already") {
		t.Errorf("with --force: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if got := contentOf(t, filepath.Join(dir, "patchbay.yaml")); !strings.Contains(got, "stages:") {
		t.Errorf("--force wrote\n%s", got)
	}
	if contentOf(t, filepath.Join(dir, "Dockerfile")) != "FROM mine" || contentOf(t, filepath.Join(dir, ".dockerignore")) != "mine" {
		t.Error("--force overwrote a Dockerfile")
	}
}

// A link where a file is to be written does not lead init out of the folder.
func TestInitFollowsNoLink(t *testing.T) {
	t.Parallel()
	outside := write(t, "precious", "precious")
	dir := folderOf(t, goProject())
	for _, name := range []string{"patchbay.yaml", "Dockerfile"} {
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", dir}, {"init", "--force", dir}} {
		patchbay(t, args...)
		if got := contentOf(t, outside); got != "precious" {
			t.Fatalf("%v wrote through a link:\n%s", args, got)
		}
	}
}

func TestInitDryRun(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, goProject())
	if o := patchbay(t, "init", "--dry-run", dir); o.code != 0 || !strings.Contains(o.stdout, "stages:") || !strings.Contains(o.stdout, "FROM golang:1.26-alpine") {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("a dry run left %v, %v", entries, err)
	}
}

func TestInitForPrograms(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, map[string]string{"web/package.json": `{"name":"web","scripts":{"test":"node --test"}}`, "docs/Cargo.toml": "[broken"})
	o := patchbay(t, "init", "-o", "json", "--no-dockerfile", dir)
	var answer struct {
		File  string `json:"file"`
		Files []struct {
			Path    string `json:"path"`
			Written bool   `json:"written"`
		} `json:"files"`
		Projects []struct {
			Path, Type, Tool, Confidence string
			Evidence                     []struct{ File, Key, Says string }
		} `json:"projects"`
		Warnings []struct{ Path, Message string } `json:"warnings"`
	}
	if err := json.Unmarshal([]byte(o.stdout), &answer); o.code != 0 || err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", o.code, err, o.stdout, o.stderr)
	}
	if len(answer.Files) != 1 || !answer.Files[0].Written || len(answer.Projects) != 2 || len(answer.Warnings) != 1 {
		t.Errorf("got %+v", answer)
	}
	web := answer.Projects[1]
	if web.Path != "web" || web.Tool != "npm" || web.Confidence != "certain" || len(web.Evidence) != 3 || web.Evidence[2].Key != "scripts.test" {
		t.Errorf("got %+v", web)
	}
}
