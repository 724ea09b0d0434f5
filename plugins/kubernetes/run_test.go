package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestRun(t *testing.T) {
	t.Parallel()
	host := map[string]any{"use_hostpath": true}
	for _, test := range []struct {
		name    string
		config  map[string]any
		secrets map[string]string
		outcome sdk.Outcome
		code    int
		stdout  string
	}{
		{name: "script", config: map[string]any{"script": "echo one; echo two $((1+1)); echo $$ $(echo sub)"}, stdout: "one\ntwo 2\n1 sub\n"},
		{name: "exit code", config: map[string]any{"command": "echo bad >&2; exit 3"}, outcome: sdk.OutcomeFailed, code: 3, stdout: "bad\n"},
		{name: "list", config: map[string]any{"command": []string{"echo", "a b", "$HOME", "$(CI)"}}, stdout: "a b $HOME $(CI)\n"},
		{name: "environment", config: map[string]any{"script": "echo $WHO; echo $CI_WORKSPACE; pwd", "environment": map[string]string{"WHO": "$(PATH) $$"}},
			stdout: "$(PATH) $$\n/workspace\n/workspace\n"},
		{name: "secret", config: map[string]any{"script": "echo ${#TOKEN}; test $TOKEN = s3cret"}, secrets: map[string]string{"TOKEN": "s3cret"}, stdout: "6\n"},
		{name: "no such program", config: map[string]any{"command": []string{"nosuchprogram"}}, outcome: sdk.OutcomeFailed, code: 127},
		{name: "host path", config: map[string]any{"script": "pwd; echo x >made-here", "parameters": host}, stdout: "/workspace\n"},
		{name: "no workspace", config: map[string]any{"script": "ls -A | wc -l", "workspace": "none"}, stdout: "0\n"},
		{name: "not root", config: map[string]any{"script": "id -u; echo x >file; stat -c %g file", "security_context": map[string]any{
			"run_as_user": 1000, "fs_group": 2000, "run_as_non_root": true, "read_only_root": true}}, stdout: "1000\n2000\n"},
		{name: "resources", config: map[string]any{"script": "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
			"parameters": map[string]any{"resource_limits": map[string]any{"memory": "64Mi", "cpu": 0.5}, "resource_requests": map[string]any{"cpu": "10m"}}}, stdout: "67108864\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request(test.config)
			r.Step.Secrets = test.secrets
			result, said, err := b.run(r)
			if err != nil {
				t.Fatal(err)
			}
			if test.outcome == "" {
				test.outcome = sdk.OutcomeSucceeded
			}
			if result.Outcome != test.outcome || result.ExitCode == nil || *result.ExitCode != test.code {
				t.Errorf("it ended so: %+v", result)
			}
			if diff := cmp.Diff(test.stdout, said.stdout.String()); diff != "" && test.code != 127 {
				t.Error(diff)
			}
			if len(said.progress) > 0 {
				t.Log(said.progress)
			}
			t.Log(result.Message, result.Metadata)
		})
	}
}

// TestWorkspace sees that a step's files come and go as if it ran on this machine.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, text := range map[string]string{"kept": "k", "changed": "before", "removed": "r", "folder/deep": "d"} {
		file := filepath.Join(b.workspace, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("kept", filepath.Join(b.workspace, "link")); err != nil {
		t.Fatal(err)
	}
	result, said, err := b.run(b.request(map[string]any{"script": `cat kept folder/deep link; echo
rm removed; printf after >changed; mkdir -p new/er; printf made >new/er/file; chmod 755 new/er/file
ln -s /etc/passwd outside; rm -r folder; echo version=1.2 >>$PATCHBAY_OUTPUT`}))
	if err != nil || result.Outcome != sdk.OutcomeSucceeded {
		t.Fatalf("%+v, %v: %s", result, err, said.stdout.String())
	}
	if got := said.stdout.String(); got != "kdk\n" {
		t.Errorf("the step read %q", got)
	}
	want := map[string]string{"kept": "-rw-r----- k", "changed": "-rw-r----- after", "new": "drwxr-xr-x", "new/er": "drwxr-xr-x",
		"new/er/file": "-rwxr-xr-x made", "link": "Lrwxrwxrwx kept", "outside": "Lrwxrwxrwx /etc/passwd"}
	if diff := cmp.Diff(want, tree(t, b.workspace)); diff != "" {
		t.Error(diff)
	}
	if got := said.outputs["version"]; got != "1.2" {
		t.Errorf("the output is %q", got)
	}
}

// tree describes all files of a folder.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		name, _ := filepath.Rel(folder, path)
		if err != nil || name == "." {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		found[name] = info.Mode().String()
		switch info.Mode().Type() {
		case 0:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found[name] += " " + string(data)
		case os.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			found[name] += " " + target
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
