package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestRunExamples(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"hello.yaml":      "Hello from hello, build 1",
		"diamond.yaml":    "HELLO",
		"go-module.yaml":  "uuid.a",
		"containers.yaml": "succeeded",
		"matrix.yaml":     "greeted 3 times",
		"webhook.yaml":    "webhook succeeded",
		"services.yaml":   "db says: ready",
		"hooks.yaml":      "upload is done after 1 attempt, see https://example.invalid/v1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "containers.yaml" || name == "services.yaml" {
				needDocker(t)
			}
			o := patchbay(t, "run", "../../examples/pipelines/"+name)
			if o.code != 0 || !strings.Contains(o.stdout, want) {
				t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
			}
			if strings.Contains(o.stdout, "\x1b") {
				t.Error("control characters in output that is piped")
			}
		})
	}
}

func TestRunReleaseExample(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	o := patchbayWith(t, []string{"DEPLOY_TOKEN=s3cret-token"}, "run", "../../examples/pipelines/release.yaml",
		"--param", "version=v1.2", "--secret", "DEPLOY_TOKEN", "--approve", "--artifacts", out)
	if o.code != 0 || !strings.Contains(o.stdout, "deploying v1.2 to staging with a token of 12 characters") {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if kept, err := os.ReadFile(filepath.Join(out, "dist", "dist", "VERSION")); err != nil || string(kept) != "v1.2\n" {
		t.Errorf("%q, %v", kept, err)
	}
	if o := patchbay(t, "run", "../../examples/pipelines/release.yaml"); o.code != 2 || !strings.Contains(o.stderr, "version") {
		t.Errorf("without its parameter: exit code %d\n%s", o.code, o.stderr)
	}
}

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file string
		code int
		want string
	}{
		"success":           {"name: a\nstages: [{name: s, steps: [{name: x, run: 'true'}]}]\n", 0, "succeeded"},
		"failure":           {"name: a\nstages: [{name: s, steps: [{name: x, run: exit 3}]}]\n", 1, "exit code 3"},
		"allowed failure":   {"name: a\nstages: [{name: s, steps: [{name: x, run: exit 3, continue_on_error: true}]}]\n", 0, "failed, allowed"},
		"timeout":           {"name: a\nstages: [{name: s, steps: [{name: x, run: sleep 60, timeout: 100ms}]}]\n", 1, "the step's time of 100ms was up"},
		"broken YAML":       {"name: [\n", 2, "not valid"},
		"unknown key":       {"name: a\nstagess: []\n", 2, "stages"},
		"unknown connector": {"name: a\nstages: [{name: s, steps: [{name: x, step_type: shel, config: {command: a}}]}]\n", 2, "shell"},
		"mistyped config":   {"name: a\nstages: [{name: s, steps: [{name: x, step_type: shell, config: {comand: a}}]}]\n", 2, "command"},
		"later document":    {"name: a\nstages: [{name: s, steps: [{name: x, run: 'true'}]}]\n---\nname: b\nstages: [{name: s, steps: [{name: x, run: exit 9}]}]\n", 1, "exit code 9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := patchbay(t, "run", write(t, "pipeline.yaml", test.file))
			if o.code != test.code || !strings.Contains(o.stdout+o.stderr, test.want) {
				t.Errorf("exit code %d, want %d and %q\n%s%s", o.code, test.code, test.want, o.stdout, o.stderr)
			}
		})
	}
	if o := patchbay(t, "run"); o.code != 2 {
		t.Errorf("run without a file: exit code %d", o.code)
	}
	if o := patchbay(t, "run", "/nonexistent.yaml"); o.code != 2 {
		t.Errorf("run of a missing file: exit code %d", o.code)
	}
}

// A connector killed in mid-step costs nothing: its step goes on and is joined.
func TestRunSurvivesItsConnector(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, "p.yaml", `
name: survivor
stages:
  - name: s
    steps:
      - name: x
        run: |
          echo begun
          echo once >>"$DIR/count"
          echo $PPID >"$DIR/connector"
          while [ ! -e "$DIR/go" ]; do sleep 0.02; done
          seq 1 5000
          echo ended
`)
	done := make(chan outcome, 1)
	go func() { done <- patchbay(t, "run", "-e", "DIR="+dir, file) }()
	connector, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, filepath.Join(dir, "connector"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(connector, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := <-done
	if o.code != 0 {
		t.Fatalf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if count, _ := os.ReadFile(filepath.Join(dir, "count")); string(count) != "once\n" {
		t.Errorf("the step ran like this: %q", count)
	}
	want := "x | begun\n"
	for i := range 5000 {
		want += "x | " + strconv.Itoa(i+1) + "\n"
	}
	if want += "x | ended\n"; !strings.HasPrefix(o.stdout, want) {
		t.Errorf("the output is not what an undisturbed run gives:\n%.2000s", o.stdout)
	}
}

// Ctrl-C cancels the run; killed with -9, it still leaves no process behind.
func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := write(t, "p.yaml", "name: a\nstages: [{name: s, steps: [{name: x, run: 'echo $$ >\"$DIR/pid\"; sleep 1000'}]}]\n")
			command := exec.Command(binary(t), "run", "-e", "DIR="+dir, file)
			command.Env = environment(t)
			output := &lockedBuffer{}
			command.Stdout, command.Stderr = output, output
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, filepath.Join(dir, "pid"))))
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = command.Wait()
			if signal == syscall.SIGINT && (command.ProcessState.ExitCode() != 1 || !strings.Contains(output.String(), "cancelled")) {
				t.Errorf("exit code %d\n%s", command.ProcessState.ExitCode(), output.String())
			}
			awaitGone(t, pid)
		})
	}
}

func TestRunForPrograms(t *testing.T) {
	t.Parallel()
	file := write(t, "p.yaml", "name: a\nstages: [{name: s, steps: [{name: x, run: echo hi}, {name: y, run: echo oops >&2; exit 4}, {name: z, run: 'true'}]}]\n")
	o := patchbay(t, "run", "-o", "json", file)
	var report []runJSON
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
		t.Fatalf("%v in %s", err, o.stdout)
	}
	if o.code != 1 || len(report) != 1 || len(report[0].Steps) != 3 {
		t.Fatalf("exit code %d, %+v", o.code, report)
	}
	var words []string
	for _, step := range report[0].Steps {
		words = append(words, string(step.Status))
	}
	if got := strings.Join(words, " "); got != "success failed skipped" {
		t.Errorf("steps: %s", got)
	}
	if x, y := report[0].Steps[0], report[0].Steps[1]; x.Stdout != "hi\n" || x.Stderr != "" || y.Stderr != "oops\n" {
		t.Errorf("output %q %q %q", x.Stdout, x.Stderr, y.Stderr)
	}
}
