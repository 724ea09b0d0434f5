package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestResults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		config map[string]any
		want   sdk.Result
	}{
		"success":         {map[string]any{"command": "true"}, sdk.Exited(0)},
		"an exit code":    {map[string]any{"command": "exit 7"}, sdk.Exited(7)},
		"first failure":   {map[string]any{"script": "false\necho not reached"}, sdk.Exited(1)},
		"argv":            {map[string]any{"command": []string{"sh", "-c", "exit 3"}}, sdk.Exited(3)},
		"entrypoint":      {map[string]any{"entrypoint": []string{"/bin/sh", "-c"}, "command": []string{"exit 4"}}, sdk.Exited(4)},
		"one word":        {map[string]any{"entrypoint": "/bin/false"}, sdk.Exited(1)},
		"the image's":     {map[string]any{}, sdk.Exited(0)}, // sh without input
		"unknown command": {map[string]any{"command": []string{"no-such-program"}}, sdk.Exited(127)},
		"looks like a signal": {map[string]any{"command": "exit 137"}, func() sdk.Result {
			r := sdk.Exited(137)
			r.Message = "exit code 137 (as after SIGKILL)"
			return r
		}()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			got, said, err := b.run(b.request(c.config))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(sdk.Result{}, "Metadata")); diff != "" {
				t.Errorf("%s\nstderr: %s", diff, said.stderr.String())
			}
			if strings.Contains(said.stdout.String(), "not reached") {
				t.Error("the script went on after a failure")
			}
			for _, key := range []string{"container_id", "image_id", "started_at", "finished_at"} {
				if got.Metadata[key] == "" {
					t.Errorf("the result lacks %s: %v", key, got.Metadata)
				}
			}
		})
	}
}

func TestASignalFromOutsideIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": "echo ready; sleep 600"})
	_, said, ended := b.start(b.client, r)
	said.awaitOutput(t, "ready")
	if err := b.connector.engine.api.ContainerKill(t.Context(), containerName(r.Step.AttemptID), "KILL"); err != nil {
		t.Fatal(err)
	}
	end := <-ended
	if end.err != nil || end.result.Signal != "SIGKILL" || end.result.ExitCode != nil || end.result.Outcome != sdk.OutcomeFailed {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"command": []string{"env"},
		"environment": []string{"FROM_CONFIG=config", "BOTH=config", "EMPTY=", "SOURCE=" + b.workspace + "/src"}})
	r.Step.Environment = map[string]string{"FROM_STEP": "a\nb 'c' $d", "BOTH": "step", "CI_WORKSPACE": b.workspace,
		"NEAR": b.workspace + "-not", "HOME": "/tmp"}
	r.Step.Secrets = map[string]string{"TOKEN": "hush"}
	_, said, err := b.run(r)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, line := range strings.Split(strings.ReplaceAll(said.stdout.String(), "a\nb", "a|b"), "\n") {
		if name, value, found := strings.Cut(line, "="); found {
			got[name] = value
		}
	}
	maps.DeleteFunc(got, func(name, _ string) bool { return name == "HOSTNAME" || name == "PWD" || name == "SHLVL" })
	want := map[string]string{"PATH": "/usr/bin:/bin", "FROM_CONFIG": "config", "BOTH": "config", "EMPTY": "",
		"SOURCE": "/workspace/src", "FROM_STEP": "a|b 'c' $d", "CI_WORKSPACE": "/workspace",
		"NEAR": b.workspace + "-not", "HOME": "/tmp", "TOKEN": "hush", "PATCHBAY_OUTPUT": "/patchbay/output"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreInNoCommandLine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": "tr '\\0' ' ' </proc/1/cmdline; tr '\\0' ' ' </proc/$$/cmdline"})
	r.Step.Secrets = map[string]string{"TOKEN": "hush-hush"}
	_, said, err := b.run(r)
	if err != nil || said.stdout.Len() == 0 || strings.Contains(said.stdout.String(), "hush-hush") {
		t.Errorf("got %q, %v", said.stdout.String(), err)
	}
}

func TestWorkspaceIsShared(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := os.Mkdir(filepath.Join(b.workspace, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.workspace, "sub", "in"), []byte("from the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, said, err := b.run(b.request(map[string]any{"working_directory": "sub", "script": "pwd; cat in; printf back >out"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := said.stdout.String(); got != "/workspace/sub\nfrom the host" {
		t.Errorf("got %q", got)
	}
	back, err := os.ReadFile(filepath.Join(b.workspace, "sub", "out"))
	if err != nil || string(back) != "back" {
		t.Errorf("got %q, %v", back, err)
	}
	// What the container made must not be in the way of the host's clean-up.
	if err := os.Remove(filepath.Join(b.workspace, "sub", "out")); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		config map[string]any
		class  sdk.ErrorClass
		says   string
	}{
		"image missing":          {map[string]any{"image": "patchbay-test/none:1", "pull": "never", "command": "true"}, sdk.ClassNotFound, "pull: never"},
		"no registry":            {map[string]any{"image": "127.0.0.1:1/none:1", "command": "true"}, sdk.ClassExternalService, "127.0.0.1:1/none:1 cannot be pulled"},
		"directory outside":      {map[string]any{"command": "true", "working_directory": "../x"}, sdk.ClassInvalidConfig, "not in the workspace"},
		"directory of the image": {map[string]any{"command": "true", "working_directory": "/etc"}, sdk.ClassInvalidConfig, "not in the workspace"},
		"directory missing":      {map[string]any{"command": "true", "working_directory": "none"}, sdk.ClassInvalidConfig, "does not exist"},
		"link that leaves":       {map[string]any{"command": "true", "working_directory": "away"}, sdk.ClassInvalidConfig, "not in the workspace"},
		"unknown user":           {map[string]any{"command": "true", "user": "nobody-here"}, sdk.ClassExternalService, "nobody-here"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if err := os.Symlink("/etc", filepath.Join(b.workspace, "away")); err != nil {
				t.Fatal(err)
			}
			result, _, err := b.run(b.request(c.config))
			if sdk.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %+v, %q: %v", result, sdk.ClassOf(err), err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got, err := b.client.Check(t.Context())
	if err != nil || !got.OK || got.Details["engine_version"] == "" || got.Identity != b.connector.engine.api.DaemonHost() {
		t.Errorf("got %+v, %v", got, err)
	}
}
