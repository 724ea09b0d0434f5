package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const inputsFile = `
name: inputs
params:
  version: { required: true, pattern: "v[0-9]+" }
  count: { type: number, default: 3 }
stages:
  - name: s
    steps:
      - name: use
        secrets: [DEPLOY_PASS]
        artifacts: { name: dist, paths: ["out/**"] }
        run: |
          echo "version ${{ params.version }}, ${{ params.count }} times, with $DEPLOY_PASS"
          mkdir -p out/sub && echo "$DEPLOY_PASS" | wc -c >out/sub/length && echo '#!/bin/sh' >out/tool && chmod 755 out/tool
      - name: without
        run: echo "other=${DEPLOY_PASS-none}"
      - name: docs
        when: { paths: ["docs/**"] }
        run: echo "documentation changed"
`

func TestRunInputs(t *testing.T) {
	t.Parallel()
	file := write(t, "p.yaml", inputsFile)
	into := filepath.Join(t.TempDir(), "new", "artifacts")
	o := patchbayWith(t, []string{"DEPLOY_PASS=correct horse"}, "run", file, "--param", "version=v7", "--secret", "DEPLOY_PASS",
		"--changed", "docs/a.md", "--artifacts", into)
	if o.code != 0 {
		t.Fatalf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	for _, want := range []string{"version v7, 3 times, with ***", "other=none", "documentation changed"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("%q is missing in:\n%s", want, o.stdout)
		}
	}
	if strings.Contains(o.stdout+o.stderr, "correct horse") {
		t.Errorf("the secret is shown:\n%s%s", o.stdout, o.stderr)
	}
	if length, err := os.ReadFile(filepath.Join(into, "dist/out/sub/length")); err != nil || strings.TrimSpace(string(length)) != "14" {
		t.Errorf("the artifact has %q, %v", length, err)
	}
	if info, err := os.Stat(filepath.Join(into, "dist/out/tool")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the tool: %v, %v", info, err)
	}
	o = patchbay(t, "run", file, "--param", "version=v7", "--secrets-file", write(t, ".env", "DEPLOY_PASS='from a file'\n"), "--changed", "src/a.go")
	if o.code != 0 || !strings.Contains(o.stdout, "with ***") || strings.Contains(o.stdout, "documentation changed") || o.stderr != "" {
		t.Errorf("with a file of secrets: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

func TestRunInputMistakes(t *testing.T) {
	t.Parallel()
	file := write(t, "p.yaml", inputsFile)
	open := write(t, "open.env", "DEPLOY_PASS=x\n")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no parameter":       {nil, 2, "parameter version has no value, and needs one; give --param NAME=VALUE"},
		"odd parameter":      {[]string{"-p", "version=7"}, 2, "does not match"},
		"unknown parameter":  {[]string{"-p", "version=v7", "-p", "cont=1"}, 2, "did you mean count?"},
		"no pair":            {[]string{"-p", "version"}, 2, "NAME=value"},
		"odd event":          {[]string{"-p", "version=v7", "--event", "puhs"}, 2, `no trigger type "puhs"; use one of`},
		"odd variable":       {[]string{"-p", "version=v7", "-e", "A-B=1"}, 2, `"A-B" is no name of a variable`},
		"lines of a branch":  {[]string{"-p", "version=v7", "--branch", "a\nb"}, 2, "one line of plain text"},
		"no changed file":    {[]string{"-p", "version=v7", "--changed", ""}, 2, "is no path"},
		"secret not set":     {[]string{"-p", "version=v7", "--secret", "DEPLOY_PASS"}, 2, "set the variable DEPLOY_PASS"},
		"secret with value":  {[]string{"-p", "version=v7", "--secret", "A=b"}, 2, "does not belong on a command line"},
		"secret not given":   {[]string{"-p", "version=v7"}, 1, "--secret DEPLOY_PASS"},
		"no secrets file":    {[]string{"-p", "version=v7", "--secrets-file", "/nonexistent.env"}, 2, "--secrets-file"},
		"readable by others": {[]string{"-p", "version=v7", "--secrets-file", open}, 0, "warning: others may read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := patchbay(t, append([]string{"run", file}, test.args...)...)
			if o.code != test.code || !strings.Contains(o.stdout+o.stderr, test.want) {
				t.Errorf("exit code %d, want %d and %q\n%s%s", o.code, test.code, test.want, o.stdout, o.stderr)
			}
		})
	}
}

// Pipelines of one file share the parameters that are given.
func TestRunInputsOfSeveralPipelines(t *testing.T) {
	t.Parallel()
	file := write(t, "p.yaml", `
name: a
params: { x: {} }
stages: [{name: s, steps: [{name: x, run: "echo x=${{ params.x }}"}]}]
---
name: b
params: { y: {} }
stages: [{name: s, steps: [{name: y, run: "echo y=${{ params.y }}"}]}]
`)
	o := patchbay(t, "run", file, "-p", "x=1", "-p", "y=2")
	if o.code != 0 || !strings.Contains(o.stdout, "x=1") || !strings.Contains(o.stdout, "y=2") {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if o := patchbay(t, "run", file, "-p", "z=1"); o.code != 2 || strings.Contains(o.stdout, "succeeded") {
		t.Errorf("a parameter that none declares: exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}
