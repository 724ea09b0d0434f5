package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/sdk"
)

// onceKilled is a shell that is killed at its first start, before it has read
// anything.
const onceKilled = `#!/bin/sh
if mkdir "$KILLED" 2>/dev/null; then kill -KILL $$; fi
exec sh "$@"
`

// A step whose shell ended before the first command has not begun, so it begins.
func TestShellThatEndedBeforeTheStepBegan(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, r *sdk.RunRequest, config map[string]any){
		"killed": func(t *testing.T, r *sdk.RunRequest, config map[string]any) {
			shell := filepath.Join(t.TempDir(), "sh")
			if err := os.WriteFile(shell, []byte(onceKilled), 0o700); err != nil {
				t.Fatal(err)
			}
			config["shell"] = shell
			r.Step.Environment["KILLED"] = filepath.Join(t.TempDir(), "killed")
		},
		// As a full disk leaves it: it took the file and not the line.
		"claim without a line": func(t *testing.T, r *sdk.RunRequest, _ map[string]any) {
			if err := os.WriteFile(filepath.Join(r.Step.Workspace.AttemptPath, "state"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			config := map[string]any{"command": "echo once >>count; echo out; exit 4"}
			r := b.request("a-"+filepath.Base(t.TempDir())+name, config)
			spoil(t, &r, config)
			r.Step.Config = b.request(r.Step.AttemptID, config).Step.Config
			for range 2 { // the second one joins
				result, said, err := b.run(r)
				if err != nil || result.ExitCode == nil || *result.ExitCode != 4 || said.stdout.String() != "out\n" {
					t.Errorf("%+v, %q, %v", result, said.stdout.String(), err)
				}
				b.client = serve(t, newConnector())
			}
			if count, _ := os.ReadFile(filepath.Join(b.workspace, "count")); string(count) != "once\n" {
				t.Errorf("the step ran like this: %q", count)
			}
		})
	}
}

// Where no claim can be made, the tries end, and the error says what it is about.
func TestStepThatCannotBegin(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request("a", map[string]any{"command": "echo out"})
	if err := os.Symlink("/nonexistent/state", filepath.Join(r.Step.Workspace.AttemptPath, "state")); err != nil {
		t.Fatal(err)
	}
	_, said, err := b.run(r)
	if sdk.ClassOf(err) != sdk.ClassInternal || !strings.Contains(err.Error(), "could not begin") || said.stdout.Len() > 0 {
		t.Errorf("%q, %v", said.stdout.String(), err)
	}
}
