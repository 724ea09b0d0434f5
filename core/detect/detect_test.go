package detect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// tree writes files into a folder of the test's own.
func makeTree(t *testing.T, files map[string]string) string {
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

func detectIn(t *testing.T, dir string, limits Limits) *Report {
	t.Helper()
	report, err := Detect(t.Context(), dir, limits)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// summary is one line a project.
func summary(report *Report) []string {
	var list []string
	for _, p := range report.Projects {
		line := strings.TrimSpace(fmt.Sprintf("%s %s/%s %s %s", p.Path, p.Type, p.Tool, p.Confidence, p.Version))
		list = append(list, line)
	}
	return list
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"nothing":           {map[string]string{"README": ""}, nil},
		"a folder is no go": {map[string]string{"go.mod/x": ""}, nil},
		"go":                {map[string]string{"go.mod": "module a\n\ngo 1.24.2\n"}, []string{". go/go certain 1.24"}},
		"go, half written":  {map[string]string{"go.mod": "modul"}, []string{". go/go likely"}},
		"empty manifest":    {map[string]string{"package.json": ""}, []string{". node/npm likely"}},
		"wrong types": {map[string]string{"package.json": `{"scripts": ["a"], "engines": 3, "name": {}, "workspaces": 7}`},
			[]string{". node/npm likely"}},
		"byte order mark":  {map[string]string{"package.json": "\ufeff{\"engines\":{\"node\":\"18.x\"}}"}, []string{". node/npm certain 18"}},
		"npm":              {map[string]string{"package.json": "{}", "package-lock.json": "{}"}, []string{". node/npm certain"}},
		"yarn by its lock": {map[string]string{"package.json": "{}", "yarn.lock": ""}, []string{". node/yarn certain"}},
		"pnpm by its key":  {map[string]string{"package.json": `{"packageManager":"pnpm@9.0.0"}`, "yarn.lock": ""}, []string{". node/pnpm certain"}},
		"a manager of evil": {map[string]string{"package.json": `{"packageManager":"sh -c evil@1"}`},
			[]string{". node/npm certain"}},
		"an open range":           {map[string]string{"package.json": `{"engines":{"node":">=18"}}`}, []string{". node/npm certain"}},
		"a closed range":          {map[string]string{"package.json": `{"engines":{"node":">=18 <21"}}`}, []string{". node/npm certain 18"}},
		"pip":                     {map[string]string{"setup.py": "", "requirements.txt": "a"}, []string{". python/pip likely"}},
		"poetry":                  {map[string]string{"pyproject.toml": "[tool.poetry]\nname = 'a'"}, []string{". python/poetry certain"}},
		"uv":                      {map[string]string{"pyproject.toml": "[project]\nname = 'a'\nrequires-python = '==3.10.*'", "uv.lock": ""}, []string{". python/uv certain 3.10"}},
		"settings of a tool only": {map[string]string{"pyproject.toml": "[tool.ruff]\n", "go.mod": "module a"}, []string{". go/go certain"}},
		"rust":                    {map[string]string{"Cargo.toml": "[package]\nname='a'", "rust-toolchain": "1.79"}, []string{". rust/cargo certain 1.79"}},
		"rust, nightly":           {map[string]string{"Cargo.toml": "[package]\nname='a'", "rust-toolchain": "nightly"}, []string{". rust/cargo certain"}},
		"maven":                   {map[string]string{"pom.xml": "<project><artifactId>a</artifactId><properties><maven.compiler.source>1.8</maven.compiler.source></properties></project>"}, []string{". java/maven certain 8"}},
		"gradle":                  {map[string]string{"build.gradle": "apply plugin: 'java'", ".java-version": "17"}, []string{". java/gradle certain 17"}},
		"dotnet":                  {map[string]string{"A.csproj": `<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFrameworks>net6.0;net8.0</TargetFrameworks></PropertyGroup></Project>`}, []string{". dotnet/dotnet certain 8.0"}},
		"php":                     {map[string]string{"composer.json": `{"require":{"php":"~8.1"}}`}, []string{". php/composer certain 8.1"}},
		"ruby":                    {map[string]string{"Gemfile": "source 'x'\nruby '3.2.1'"}, []string{". ruby/bundler certain 3.2"}},
		"static":                  {map[string]string{"index.html": "", "sub/index.html": ""}, []string{". static/none guess"}},
		"make":                    {map[string]string{"Makefile": "test: all\n"}, []string{". make/make guess"}},
		"several":                 {map[string]string{"Dockerfile": "FROM a", "package.json": "{}", "Makefile": ""}, []string{". node/npm certain", ". docker/docker certain"}},
		"what git ignores": {map[string]string{".gitignore": "/out\n*.json\n", "out/go.mod": "module a", "package.json": "{}", "in/go.mod": "module b"},
			[]string{"in go/go certain"}},
		"what is never looked into": {map[string]string{"node_modules/a/package.json": "{}", "vendor/a/go.mod": "module a", "target/Cargo.toml": "", ".x/go.mod": "module a"}, nil},
		"by depth":                  {map[string]string{"a/b/go.mod": "module b", "z/go.mod": "module z"}, []string{"z go/go certain", "a/b go/go certain"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := detectIn(t, makeTree(t, test.files), Limits{})
			if diff := cmp.Diff(test.want, summary(report)); diff != "" {
				t.Errorf("-want +got:\n%s\n%v", diff, report.Warnings)
			}
			for _, p := range report.Projects {
				if len(p.Evidence) == 0 || p.Evidence[0].File == "" || p.Evidence[0].Says == "" {
					t.Errorf("%s does not say why: %v", p.Path, p.Evidence)
				}
			}
		})
	}
}

func TestDetectRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(makeTree(t, map[string]string{"f": ""}), "f")
	for name, dir := range map[string]string{"a file": file, "nothing": file + "x", "an empty name": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Detect(t.Context(), dir, Limits{}); core.CodeOf(err) != core.CodeInvalid {
				t.Errorf("got %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Detect(ctx, t.TempDir(), Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestVersionOf(t *testing.T) {
	t.Parallel()
	for rang, want := range map[string]string{
		"": "", "*": "", "x": "", "20": "20", "v20.1": "20", "^18 || ^20 || >=26": "26", ">=18": "", ">= 30": "30",
		">=18 <21": "18", "!=19": "", "<20": "", "lts/iron": "", "99999999999999999999": "", "18 - 20": "20",
	} {
		if got := versionOf(rang, "24", 1); got != want {
			t.Errorf("%q: got %q, want %q", rang, got, want)
		}
	}
}
