package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	name := b.name()
	b.put(map[string]string{
		"app/Dockerfile": "ARG base\nFROM $base AS one\nARG greeting=none\nRUN echo $greeting >/greeting; echo to stderr >&2\nCOPY . /app\n" +
			"FROM one AS two\nRUN exit 1\n",
		"app/file": "content\n", "app/secret.txt": "no", "app/.dockerignore": "*.txt\n"})
	step := b.buildIt(map[string]any{"image": name, "tags": []string{"v1", "v2"}, "build_context": "app", "target": "one",
		"args": []string{"base=" + b.image, "greeting"}, "environment": map[string]string{"greeting": "hello"},
		"labels": map[string]string{"team": "x"}})
	step.succeeded(t)
	if got := b.says(name+":v2", "sh", "-c", "cat /greeting; ls -A /app"); got != "hello\n.dockerignore\nDockerfile\nfile\n" {
		t.Errorf("the image has %q", got)
	}
	for _, want := range []string{"Sent the build context:", "RUN echo $greeting", "\nto stderr\n", "Successfully built", "Successfully tagged " + name + ":v1"} {
		if !strings.Contains(step.stdout.String(), want) {
			t.Errorf("it does not say %q but\n%s", want, step.stdout.String())
		}
	}
	found, err := b.connector.engine.api.ImageInspect(t.Context(), name+":v1")
	if err != nil {
		t.Fatal(err)
	}
	if found.ID != step.outputs["image_id"] || found.Config.Labels["team"] != "x" || found.Config.Labels[labelAttempt] != "" {
		t.Errorf("got %s with %v, want %s", found.ID, found.Config.Labels, step.outputs["image_id"])
	}
	if step.outputs["image"] != name+":v1" || step.outputs["tags"] != name+":v1,"+name+":v2" || step.outputs["digest"] != "" {
		t.Errorf("outputs: %v", step.outputs)
	}
	if len(step.progress) == 0 {
		t.Error("there was no progress")
	}
}

// TestBuildUsesTheCache builds twice: the second time nothing is run.
func TestBuildUsesTheCache(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(map[string]string{"Dockerfile": "FROM " + b.image + "\nRUN echo " + uuid.NewString() + " >/mark\nCOPY file /file\n", "file": "1"})
	config := map[string]any{"image": b.name()}
	first := b.buildIt(config)
	first.succeeded(t)
	second := b.buildIt(config)
	second.succeeded(t)
	if n := strings.Count(second.stdout.String(), "Using cache"); n != 2 || first.outputs["image_id"] != second.outputs["image_id"] {
		t.Errorf("%d cached steps; %s and then %s\n%s", n, first.outputs["image_id"], second.outputs["image_id"], second.stdout.String())
	}
	b.put(map[string]string{"file": "2"})
	third := b.buildIt(config)
	third.succeeded(t)
	if n := strings.Count(third.stdout.String(), "Using cache"); n != 1 || third.outputs["image_id"] == second.outputs["image_id"] {
		t.Errorf("with a changed file: %d cached steps\n%s", n, third.stdout.String())
	}
	config["no_cache"] = true
	fourth := b.buildIt(config)
	fourth.succeeded(t)
	if strings.Contains(fourth.stdout.String(), "Using cache") {
		t.Errorf("with no_cache:\n%s", fourth.stdout.String())
	}
	for _, step := range []*builtStep{first, third} { // their name is the fourth's by now
		if _, err := b.connector.engine.api.ImageRemove(t.Context(), step.outputs["image_id"], image.RemoveOptions{PruneChildren: true}); err != nil {
			t.Error(err)
		}
	}
}

func TestDockerfileElsewhere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	from := "FROM " + b.image + "\nCOPY . /in\n"
	b.put(map[string]string{"docker/Other": from, "docker/Other.dockerignore": "b", "src/a": "", "src/b": "", "src/own/Dockerfile": from, "src/.dockerignore": "own"})
	cases := map[string]struct {
		config map[string]any
		want   string
	}{
		"outside of the context, with rules of its own": {map[string]any{"dockerfile": "docker/Other", "build_context": "src"}, ".dockerignore\na\nown\n"},
		"relative to the working directory":             {map[string]any{"dockerfile": "../docker/Other", "working_directory": "src"}, ".dockerignore\na\nown\n"},
		"in the context, and excluded":                  {map[string]any{"dockerfile": "own/Dockerfile", "build_context": "src"}, ".dockerignore\na\nb\nown\n"},
		"inline":                                        {map[string]any{"dockerfile_inline": from, "build_context": "/workspace/docker"}, "Other\nOther.dockerignore\n"},
		"in the context, by its path in the workspace":  {map[string]any{"dockerfile": "src/own/Dockerfile", "build_context": "src"}, ".dockerignore\na\nb\nown\n"},
		"paths of the server":                           {map[string]any{"dockerfile": filepath.Join(b.workspace, "docker/Other"), "build_context": filepath.Join(b.workspace, "src")}, ".dockerignore\na\nown\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tag := b.name("1")
			c.config["tags"] = tag
			b.buildIt(c.config).succeeded(t)
			if got := b.says(tag, "ls", "-A", "/in"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestBuildThatFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	mark := uuid.NewString()
	cases := map[string]struct {
		dockerfile string
		config     map[string]any
		code       int
		want       string
	}{
		"a command":         {"FROM " + b.image + "\nRUN echo " + mark + "; \\\n exit 7\n", nil, 7, "step 2/2 (RUN echo " + mark + "; exit 7): exit code 7"},
		"a missing file":    {"FROM " + b.image + "\nCOPY nothing /\n", nil, 0, "COPY failed"},
		"no such word":      {"FROM " + b.image + "\nRUNN x\n", nil, 0, "unknown instruction: RUNN"},
		"an empty file":     {"#\n", nil, 0, "file with no instructions"},
		"no such stage":     {"FROM " + b.image + "\n", map[string]any{"target": "other"}, 0, "other"},
		"it needs BuildKit": {"FROM " + b.image + "\nRUN --mount=type=cache,target=/c true\n", nil, 0, "classic builder"},
		"not distroless":    {"FROM " + b.image + "\nLABEL x=y\n", map[string]any{"distroless": true}, 0, "it has /bin/sh"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			config := map[string]any{"dockerfile_inline": c.dockerfile}
			for key, value := range c.config {
				config[key] = value
			}
			step := b.buildIt(config)
			if step.err != nil || step.result.Outcome != sdk.OutcomeFailed || !strings.Contains(step.result.Message, c.want) {
				t.Fatalf("got %+v, %v", step.result, step.err)
			}
			if code := step.result.ExitCode; c.code != 0 && (code == nil || *code != c.code) || c.code == 0 && code != nil {
				t.Errorf("exit code %v", code)
			}
		})
	}
}

func TestDistroless(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(map[string]string{"tool": "x"})
	b.buildIt(map[string]any{"dockerfile_inline": "FROM scratch\nCOPY tool /tool\n", "image": b.name(), "distroless": true}).succeeded(t)
}

func TestBuildOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(map[string]string{"dir/x": "", "rules/Dockerfile": "FROM scratch\nCOPY . /\n", "rules/.dockerignore": "["})
	for name, target := range map[string]string{"out": "/etc", "outfile": "/etc/hostname"} {
		if err := os.Symlink(target, filepath.Join(b.workspace, name)); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]struct {
		config        map[string]any
		want, pointer string
	}{
		"no Dockerfile":          {map[string]any{"build_context": "dir"}, "there is no Dockerfile in the build context", "/dockerfile"},
		"no such Dockerfile":     {map[string]any{"dockerfile": "x/Dockerfile"}, `there is no Dockerfile "x/Dockerfile"`, "/dockerfile"},
		"a folder":               {map[string]any{"dockerfile": "dir"}, "not a plain file", "/dockerfile"},
		"no such context":        {map[string]any{"build_context": "nothing"}, "does not exist", "/build_context"},
		"a context of files":     {map[string]any{"build_context": "dir/x"}, "is not a folder", "/build_context"},
		"out of the workspace":   {map[string]any{"build_context": "../x"}, "is not in the workspace", "/build_context"},
		"anywhere":               {map[string]any{"dockerfile": "/etc/passwd"}, "is not in the workspace", "/dockerfile"},
		"by a link":              {map[string]any{"build_context": "out"}, "is not a folder", "/build_context"},
		"a Dockerfile by a link": {map[string]any{"dockerfile": "outfile"}, "cannot be read", "/dockerfile"},
		"no such directory":      {map[string]any{"working_directory": "nothing"}, "does not exist", "/working_directory"},
		"rules that are none":    {map[string]any{"build_context": "rules"}, ".dockerignore cannot be understood", "/build_context"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			step := b.buildIt(c.config)
			problem, ok := step.err.(*sdk.Error)
			if !ok || problem.Class != sdk.ClassInvalidConfig || !strings.Contains(problem.Message, c.want) || problem.Pointer != c.pointer {
				t.Errorf("got %+v, %#v", step.result, step.err)
			}
			if ok && strings.Contains(problem.Message, b.workspace) {
				t.Errorf("the server's path is shown: %s", problem.Message)
			}
		})
	}
}
