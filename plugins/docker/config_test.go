package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestConfigs(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ config, says string }{
		"a text":              {`{"image":"alpine:3.20","command":"make"}`, ""},
		"a list":              {`{"image":"alpine","command":["make","-j2"]}`, ""},
		"the image's own":     {`{"image":"registry.example.com:5000/a/b@sha256:` + strings.Repeat("0", 64) + `"}`, ""},
		"a script as a list":  {`{"image":"alpine","script":["make","make test"]}`, ""},
		"every way of pull":   {`{"image":"alpine","pull":"never"}`, ""},
		"no image":            {`{"command":"make"}`, `error: the key "image" is missing`},
		"not an image":        {`{"image":"Not An Image"}`, "error /image: "},
		"both":                {`{"image":"alpine","command":"a","script":"b"}`, "error /script: command and script are both given"},
		"unknown key":         {`{"image":"alpine","comand":"a"}`, `error /comand: unknown key "comand"`},
		"unknown pull":        {`{"image":"alpine","pull":"sometimes"}`, "error /pull: "},
		"a wrong type":        {`{"image":"alpine","command":7}`, "error /command: "},
		"an empty word":       {`{"image":"alpine","command":[""]}`, "error /command: "},
		"build":               {`{"image":"app","dockerfile":"Dockerfile"}`, ""},
		"build in a context":  {`{"image":"app","build_context":"."}`, ""},
		"build with tags":     {`{"image":"app","tags":["a","b"]}`, "error /tags: tags without a command is for an image that is built, and this step does not say from what"},
		"build and push":      {`{"image":"app","registry":"ghcr.io"}`, "error /registry: "},
		"build a small one":   {`{"image":"app","distroless":true}`, "error /distroless: "},
		"deploy":              {`{"image":"app","ports":["8080:80"]}`, ""},
		"deploy, by run":      {`{"image":"app","command":"","ports":["8080:80"]}`, "error /ports: ports without a command asks for a deployment"},
		"an empty command":    {`{"image":"app","command":"","ports":["80"]}`, "error /ports: "},
		"ports and a command": {`{"image":"app","command":"a","ports":["8080:80",80]}`, "warning /ports: ports has no effect"},
		"tags and a command":  {`{"image":"app","command":"a","tags":"a"}`, "warning /tags: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems, err := newConnector().ValidateConfig(t.Context(), sdk.ValidateRequest{Config: json.RawMessage(c.config)})
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, p := range problems {
				said = append(said, strings.TrimSpace(string(p.Severity)+" "+p.Pointer)+": "+p.Message)
				if p.Severity == sdk.SeverityError && strings.HasPrefix(p.Message, "ports without") && p.Suggestion == "" {
					t.Error("there is no suggestion")
				}
			}
			got := strings.Join(said, "\n")
			if c.says == "" && got != "" || !strings.HasPrefix(got, c.says) {
				t.Errorf("got %q, want %q…", got, c.says)
			}
		})
	}
}

func TestWorkingDirectory(t *testing.T) {
	t.Parallel()
	workspace := t.TempDir()
	if err := os.MkdirAll(filepath.Join(workspace, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"inside": "a/b", "outside": "/etc"} {
		if err := os.Symlink(target, filepath.Join(workspace, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(workspace, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"": "/workspace", ".": "/workspace", "a": "/workspace/a", "a/b/": "/workspace/a/b", "a/../a": "/workspace/a",
		"/workspace": "/workspace", "/workspace/a": "/workspace/a", workspace: "/workspace", workspace + "/a/b": "/workspace/a/b",
		"inside": "/workspace/inside",
		"..":     "refused", "a/../..": "refused", "/": "refused", "/etc": "refused", "/workspace/../etc": "refused",
		"/workspaces": "refused", workspace + "x": "refused", "outside": "refused", "none": "refused", "file": "refused",
	}
	for configured, want := range cases {
		t.Run(configured, func(t *testing.T) {
			t.Parallel()
			got, err := workingDirectory(workspace, configured)
			if err != nil {
				got = "refused"
				if sdk.ClassOf(err) != sdk.ClassInvalidConfig {
					t.Errorf("the class is %s", sdk.ClassOf(err))
				}
			}
			if got != want {
				t.Errorf("got %s, want %s (%v)", got, want, err)
			}
		})
	}
}

func TestProcess(t *testing.T) {
	t.Parallel()
	type line struct{ Entrypoint, Arguments []string }
	cases := map[string]struct {
		config string
		want   line
	}{
		"the image's own":         {`{}`, line{}},
		"a text":                  {`{"command":"make /host/x"}`, line{Entrypoint: []string{"sh", "-c", "make /host/x"}}},
		"a list":                  {`{"command":["ls","/host/x"]}`, line{Entrypoint: []string{"ls", "/workspace/x"}}},
		"a script":                {`{"script":"a\nb"}`, line{Entrypoint: []string{"sh", "-e", "-c", "a\nb"}}},
		"an entrypoint":           {`{"entrypoint":"/run"}`, line{Entrypoint: []string{"/run"}}},
		"an entrypoint and words": {`{"entrypoint":["/run","-v"],"command":["a"]}`, line{[]string{"/run", "-v"}, []string{"a"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sdk.Request[config]{RunRequest: sdk.RunRequest{Step: sdk.Step{Workspace: sdk.Workspace{Path: "/host"}}}}
			if err := json.Unmarshal([]byte(c.config), &r.Config); err != nil {
				t.Fatal(err)
			}
			var got line
			got.Entrypoint, got.Arguments = process(r)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestContainerNames(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"0197-a.b_C": "patchbay-0197-a.b_C", "a/b": "patchbay-x-c14cddc033f64b9dea80ea675cf280a015e672516090a5626781153dc68fea11"} {
		if got := containerName(id); got != want {
			t.Errorf("%q: got %s, want %s", id, got, want)
		}
	}
	if containerName("a/b") == containerName("a/c") {
		t.Error("two attempts have the same name")
	}
}
