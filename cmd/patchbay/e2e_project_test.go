package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const projectFile = `
name: files
stages:
  - name: s
    steps:
      - name: list
        run: |
          find . -path ./.git -prune -o -type f -print | sort | tr '\n' ' '
          git describe --always --tags
          ./tool.sh && echo changed >tool.sh
`

// workTree makes a git repository with a pipeline, a tool and ignored files.
func workTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"ci.yaml": projectFile, "tool.sh": "#!/bin/sh\necho the tool runs\n", "sub/a.go": "package sub\n",
		".gitignore": "*.log\n/dist/\n", "a.log": "x", "dist/big": "x", "sub/b.log": "x", "sub/ci.yaml": projectFile} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "first"}, {"tag", "v1.2.3"}} {
		if output, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, output)
		}
	}
	return dir
}

// patchbayIn runs a command in a folder.
func patchbayIn(t *testing.T, folder string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary(t), args...)
	command.Dir, command.Env = folder, environment(t)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	_ = command.Run()
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestRunBringsTheProject(t *testing.T) {
	t.Parallel()
	dir := workTree(t)
	const all = "./.gitignore ./ci.yaml ./sub/a.go ./sub/ci.yaml ./tool.sh v1.2.3\n"
	outside := write(t, "ci.yaml", projectFile)
	for name, test := range map[string]struct {
		in, want, stderr string
		code             int
		args             []string
	}{
		"the current folder": {dir, all, " from .\n", 0, []string{"run", "ci.yaml"}},
		"by its whole name":  {dir, all, " from .\n", 0, []string{"run", filepath.Join(dir, "ci.yaml")}},
		"for programs":       {dir, "./tool.sh v1.2.3", "", 0, []string{"run", "-o", "json", "ci.yaml"}},
		"another folder":     {os.TempDir(), all, " from " + dir, 0, []string{"run", "--project", dir, outside}},
		"a file elsewhere":   {dir, "", "", 1, []string{"run", outside}},
		"none wanted":        {dir, "", "", 1, []string{"run", "--no-project", "ci.yaml"}},
		"a part":             {filepath.Join(dir, "sub"), "./a.go ./ci.yaml ", "2 files", 1, []string{"run", "ci.yaml"}},
		"no work tree":       {filepath.Dir(outside), "", "", 1, []string{"run", "ci.yaml"}},
		"no such folder":     {dir, "", "not a folder", 2, []string{"run", "--project", "none", "ci.yaml"}},
		"two minds":          {dir, "", "does not go with", 2, []string{"run", "--project", ".", "--no-project", "ci.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := patchbayIn(t, test.in, test.args...)
			if o.code != test.code || !strings.Contains(o.stdout, test.want) || !strings.Contains(o.stderr, test.stderr) {
				t.Errorf("exit code %d, want %d and %q\n%s%s", o.code, test.code, test.want, o.stdout, o.stderr)
			}
			if test.stderr == "" && o.stderr != "" {
				t.Errorf("it says %q", o.stderr)
			}
			if test.code == 0 && !strings.Contains(o.stdout, "the tool runs") {
				t.Errorf("the tool did not run:\n%s%s", o.stdout, o.stderr)
			}
		})
	}
	t.Cleanup(func() {
		if tool, err := os.ReadFile(filepath.Join(dir, "tool.sh")); err != nil || !strings.Contains(string(tool), "the tool runs") {
			t.Errorf("a run changed the project: %q, %v", tool, err)
		}
	})
}

// Each pipeline of a file begins with the project as it is.
func TestRunBringsTheProjectToEachPipeline(t *testing.T) {
	t.Parallel()
	dir := workTree(t)
	file := "name: a\nstages: [{name: s, steps: [{name: x, run: 'rm tool.sh; touch new'}]}]\n---\n" +
		"name: b\nstages: [{name: s, steps: [{name: y, run: 'test ! -e new; ./tool.sh'}]}]\n"
	if err := os.WriteFile(filepath.Join(dir, "two.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	o := patchbayIn(t, dir, "run", "two.yaml")
	if o.code != 0 || !strings.Contains(o.stdout, "the tool runs") || strings.Count(o.stderr, "workspace: ") != 1 {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// A step that uses git in a further work tree does nothing to the user's own.
func TestRunInAFurtherWorkTree(t *testing.T) {
	t.Parallel()
	first, tree := workTree(t), filepath.Join(t.TempDir(), "tree")
	git := func(args ...string) string {
		t.Helper()
		output, err := exec.Command("git", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, output)
		}
		return string(output)
	}
	git("-C", first, "worktree", "add", "-q", "-b", "side", tree)
	before := git("-C", tree, "rev-parse", "--abbrev-ref", "HEAD", "--branches")
	file := "name: a\nstages: [{name: s, steps: [{name: x, run: 'ls; git checkout -b other && git -c user.name=a -c user.email=a@b.c commit --allow-empty -m x'}]}]\n"
	if err := os.WriteFile(filepath.Join(tree, "git.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	o := patchbayIn(t, tree, "run", "git.yaml")
	if o.code != 1 || !strings.Contains(o.stdout, "tool.sh") || !strings.Contains(o.stderr, "left out .git: it stands for the repository in "+first) {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if after := git("-C", tree, "rev-parse", "--abbrev-ref", "HEAD", "--branches"); after != before {
		t.Errorf("the repository was\n%s\nand is\n%s", before, after)
	}
}

func TestRunRefusesAHugeProject(t *testing.T) {
	t.Parallel()
	dir := workTree(t)
	if err := os.MkdirAll(filepath.Join(dir, "media"), 0o755); err != nil {
		t.Fatal(err)
	}
	film := filepath.Join(dir, "media", "film")
	if err := os.WriteFile(film, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(film, 3<<30); err != nil { // it has no blocks
		t.Fatal(err)
	}
	o := patchbayIn(t, dir, "run", "ci.yaml")
	for _, want := range []string{"media (3 GiB)", ".patchbayignore", "--workspace"} {
		if o.code != 2 || !strings.Contains(o.stderr, want) {
			t.Errorf("exit code %d, want %q in:\n%s%s", o.code, want, o.stdout, o.stderr)
		}
	}
}
