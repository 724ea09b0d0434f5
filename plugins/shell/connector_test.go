package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestRun(t *testing.T) {
	t.Parallel()
	long := "x=1\n# " + strings.Repeat("long ", 60_000) + "\necho after"
	for name, test := range map[string]struct {
		config         map[string]any
		stdout, stderr string
		code           int
	}{
		"command":                {config: map[string]any{"command": "echo out; echo err >&2"}, stdout: "out\n", stderr: "err\n"},
		"script":                 {config: map[string]any{"script": "echo a\necho b\n"}, stdout: "a\nb\n"},
		"script as lines":        {config: map[string]any{"script": []string{"echo a", "echo b"}}, stdout: "a\nb\n"},
		"script stops at error":  {config: map[string]any{"script": "echo a\nfalse\necho b"}, stdout: "a\n", code: 1},
		"command goes on":        {config: map[string]any{"command": "false; echo b"}, stdout: "b\n"},
		"exit code":              {config: map[string]any{"command": "exit 42"}, code: 42},
		"exit code of the claim": {config: map[string]any{"command": "exit 75"}, code: 75},
		"step environment":       {config: map[string]any{"command": "echo $GREETING"}, stdout: "hello\n"},
		"config environment":     {config: map[string]any{"command": "echo $GREETING $N", "environment": map[string]any{"GREETING": "hi", "N": 1.5}}, stdout: "hi 1.5\n"},
		"environment as list":    {config: map[string]any{"command": "echo $A", "environment": []string{"A=b=c"}}, stdout: "b=c\n"},
		"own trap":               {config: map[string]any{"command": "trap 'echo bye' EXIT; exit 3"}, stdout: "bye\n", code: 3},
		"exec":                   {config: map[string]any{"command": "exec sh -c 'exit 4'"}, code: 4},
		"bash":                   {config: map[string]any{"command": "a=(1 2); echo ${a[1]}", "shell": "bash"}, stdout: "2\n"},
		"no newline at the end":  {config: map[string]any{"command": "printf x"}, stdout: "x"},
		"quotes":                 {config: map[string]any{"command": `echo "it's" '"'`}, stdout: "it's \"\n"},
		"longer than an argv":    {config: map[string]any{"script": long}, stdout: "after\n"},
		"line numbers are right": {config: map[string]any{"command": "\nnosuchprogram"}, code: 127, stderr: "sh: 2: nosuchprogram: not found\n"},
		"RustCI's keys":          {config: map[string]any{"command": "true", "deployment_type": "local_directory", "disable_deployment_detection": true}},
		"standard input is void": {config: map[string]any{"command": "cat"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			result, said, err := b.run(b.request("a", test.config))
			if err != nil {
				t.Fatal(err)
			}
			if result.ExitCode == nil || *result.ExitCode != test.code {
				t.Errorf("result %+v, want exit code %d", result, test.code)
			}
			if got := said.stdout.String(); got != test.stdout {
				t.Errorf("stdout %q, want %q", got, test.stdout)
			}
			if got := said.stderr.String(); got != test.stderr {
				t.Errorf("stderr %q, want %q", got, test.stderr)
			}
		})
	}
}

func TestSignalIsNotAnExitCode(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request("a", map[string]any{"command": "kill -KILL $$"})
	for range 2 { // the second one joins and must say the same
		result, _, err := b.run(r)
		if err != nil {
			t.Fatal(err)
		}
		if result.Signal != "SIGKILL" || result.ExitCode != nil {
			t.Errorf("result %+v, want SIGKILL", result)
		}
		b.client = serve(t, newConnector())
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config map[string]any
		want   string
	}{
		"empty command":   {map[string]any{"command": ""}, "nothing to run"},
		"nothing to run":  {map[string]any{}, "one of these keys is needed: command, script"},
		"both":            {map[string]any{"command": "a", "script": "b"}, "only one of these keys may be given: command, script"},
		"no such shell":   {map[string]any{"command": "a", "shell": "nosuchshell"}, "nosuchshell"},
		"leaves":          {map[string]any{"command": "a", "working_directory": "../x"}, "not in the workspace"},
		"leaves by root":  {map[string]any{"command": "a", "working_directory": "/etc"}, "not in the workspace"},
		"leaves by link":  {map[string]any{"command": "a", "working_directory": "link"}, "not in the workspace"},
		"is missing":      {map[string]any{"command": "a", "working_directory": "nosuchdir"}, "does not exist"},
		"is a file":       {map[string]any{"command": "a", "working_directory": "file"}, "not a directory"},
		"mistyped key":    {map[string]any{"comand": "a"}, "comand"},
		"text, not a map": {map[string]any{"command": "a", "environment": "A=b"}, "environment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if err := os.Symlink("/etc", filepath.Join(b.workspace, "link")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(b.workspace, "file"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := b.run(b.request("a", test.config))
			if sdk.ClassOf(err) != sdk.ClassInvalidConfig || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v (%s), want invalid config with %q", err, sdk.ClassOf(err), test.want)
			}
		})
	}
}

func TestWorkingDirectory(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := os.Mkdir(filepath.Join(b.workspace, "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, dir := range []string{"inner", "./inner", filepath.Join(b.workspace, "inner")} {
		_, said, err := b.run(b.request(strconv.Itoa(i), map[string]any{"command": "basename $PWD", "working_directory": dir}))
		if err != nil || said.stdout.String() != "inner\n" {
			t.Errorf("%s: %q, %v", dir, said.stdout.String(), err)
		}
	}
}

// A second connector joins what the first has started, from any offset.
func TestJoin(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request("a", map[string]any{"command": "echo once >>count; echo begun; while [ ! -e go ]; do sleep 0.02; done; echo ended; exit 5"})
	first := newRecording()
	ctx, detach := context.WithCancel(t.Context())
	running, err := b.client.RunStep(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { _, err := running.Wait(first); left <- err }()
	<-first.firstOutput
	detach()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("detached with %v", err)
	}

	other := serve(t, newConnector()) // as after the death of the first
	r.Offsets.Stdout = 3
	second := newRecording()
	running, err = other.RunStep(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.workspace, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	result, err := running.Wait(second)
	if err != nil || result.ExitCode == nil || *result.ExitCode != 5 {
		t.Fatalf("joined: %+v, %v", result, err)
	}
	if got := second.stdout.String(); got != "un\nended\n" {
		t.Errorf("the rest of the output is %q", got)
	}
	if count, _ := os.ReadFile(filepath.Join(b.workspace, "count")); string(count) != "once\n" {
		t.Errorf("the step ran like this: %q", count)
	}
}

// Of many connectors that start one attempt at once, one shell gets on.
func TestStartedAtOnceByMany(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request("a", map[string]any{"command": "echo x >>count; echo out; exit 6"})
	const many = 8
	codes := make(chan int, many)
	for range many {
		client := serve(t, newConnector())
		go func() {
			running, err := client.RunStep(t.Context(), r)
			if err != nil {
				codes <- -1
				return
			}
			said := newRecording()
			result, err := running.Wait(said)
			if err != nil || result.ExitCode == nil || said.stdout.String() != "out\n" {
				codes <- -2
				return
			}
			codes <- *result.ExitCode
		}()
	}
	for range many {
		if code := <-codes; code != 6 {
			t.Errorf("one of them got %d", code)
		}
	}
	if count, _ := os.ReadFile(filepath.Join(b.workspace, "count")); string(count) != "x\n" {
		t.Errorf("the step ran like this: %q", count)
	}
}

func TestLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request("a", map[string]any{"command": "echo never"})
	// As a restarted machine leaves it: a claim, and no such process.
	if err := os.WriteFile(filepath.Join(r.Step.Workspace.AttemptPath, "state"), []byte("4194304\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"stdout", "stderr"} {
		if err := os.WriteFile(filepath.Join(r.Step.Workspace.AttemptPath, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.run(r); sdk.ClassOf(err) != sdk.ClassLost {
		t.Errorf("got %v, want lost", err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		command string
		grace   time.Duration
		stdout  string
	}{
		"gracefully": {"trap 'echo bye; exit 0' TERM; echo begun; while :; do sleep 0.02; done", time.Minute, "begun\nbye\n"},
		"by force":   {"trap '' TERM; echo begun; while :; do sleep 0.02; done", 50 * time.Millisecond, "begun\n"},
		"children":   {"sleep 1000 & sleep 1000 & echo begun; wait", time.Minute, "begun\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request("a", map[string]any{"command": "echo $$ >pid; " + test.command})
			said := newRecording()
			running, err := b.client.RunStep(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				<-said.firstOutput
				if err := running.Cancel(test.grace); err != nil {
					t.Error(err)
				}
			}()
			result, err := running.Wait(said)
			if err != nil || result.Outcome != sdk.OutcomeCancelled {
				t.Fatalf("%+v, %v", result, err)
			}
			if got := said.stdout.String(); got != test.stdout {
				t.Errorf("stdout %q, want %q", got, test.stdout)
			}
			text, err := os.ReadFile(filepath.Join(b.workspace, "pid"))
			if err != nil {
				t.Fatal(err)
			}
			pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
			b.destroy(b.client, r)
			if err := syscall.Kill(-pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("the group is still there: %v", err)
			}
		})
	}
}

// What a step leaves running ends with DestroyStep, even in a session of its own
// and when another connector process has started it.
func TestDestroyLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, restarted := range []bool{false, true} {
		t.Run("restarted "+strconv.FormatBool(restarted), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.request("a", map[string]any{"command": "setsid sh -c 'echo $$ >pid; sleep 1000' >/dev/null & while [ ! -s pid ]; do sleep 0.02; done"})
			if _, _, err := b.run(r); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(b.workspace, "pid"))
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, 0); err != nil {
				t.Fatalf("the test's own process is gone already: %v", err)
			}
			client := b.client
			if restarted {
				client = serve(t, newConnector())
			}
			b.destroy(client, r)
			b.destroy(client, r)
			waitGone(t, pid)
		})
	}
}

func TestDestroyOfAnUnknownAttempt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.destroy(b.client, sdk.RunRequest{Step: sdk.Step{AttemptID: "never", Workspace: sdk.Workspace{AttemptPath: "/nonexistent"}}})
}

func TestOutputIsComplete(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, said, err := b.run(b.request("a", map[string]any{"command": "seq 1 300000; printf '\\000\\377' >&2"}))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(said.stdout.String()), "\n")
	if len(lines) != 300_000 || lines[len(lines)-1] != "300000" {
		t.Errorf("%d lines, the last one %q", len(lines), lines[len(lines)-1])
	}
	if said.stderr.String() != "\x00\xff" {
		t.Errorf("stderr %q", said.stderr.String())
	}
}
