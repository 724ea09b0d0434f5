package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestServerRunsWhatIsTriggered(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	id := s.create("../../examples/pipelines/diamond.yaml")
	e := s.finished(s.trigger(id, "--branch", "main"))
	if e.Status != "success" {
		t.Fatalf("%+v", e)
	}
	for _, stage := range e.Stages {
		for _, step := range stage.Steps {
			if step.Status != "success" {
				t.Errorf("step %s is %s", step.Name, step.Status)
			}
		}
	}
	if e := s.finished(s.trigger(id, "--branch", "other")); e.Stages[3].Steps[1].Status != "skipped" {
		t.Errorf("the condition did not hold the step back: %+v", e.Stages[3])
	}
	s.signal(syscall.SIGINT)
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
}

// waitingPipeline has steps that count themselves, wait for a file, and then print.
const waitingPipeline = `
name: waiting
stages:
  - name: s
    parallel: true
    steps:
      - name: a
        run: &wait |
          echo "begun $CI_STEP_NAME"
          echo once >>"$DIR/count-$CI_STEP_NAME"
          echo $$ >"$DIR/pid-$CI_STEP_NAME"
          while [ ! -e "$DIR/go" ]; do sleep 0.02; done
          seq 1 2000
      - name: b
        run: *wait
  - name: t
    steps:
      - name: c
        run: echo last
`

// However a server ends, except by Ctrl-C, its next start goes on: each step ran
// once and its output is what an undisturbed run prints.
func TestServerRestartsInMidStep(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			data, dir := t.TempDir(), t.TempDir()
			s := startServer(t, data)
			execution := s.trigger(s.create(write(t, "p.yaml", waitingPipeline)), "--env", "DIR="+dir)
			awaitFile(t, filepath.Join(dir, "pid-a"))
			awaitFile(t, filepath.Join(dir, "pid-b"))
			s.signal(signal)
			if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}

			s = startServer(t, data)
			e := s.finished(execution)
			if e.Status != "success" {
				t.Fatalf("%+v\n%s", e, s.stderr.String())
			}
			for _, name := range []string{"a", "b"} {
				if count, _ := os.ReadFile(filepath.Join(dir, "count-"+name)); string(count) != "once\n" {
					t.Errorf("step %s ran like this: %q", name, count)
				}
				want := "begun " + name + "\n"
				for i := range 2000 {
					want += strconv.Itoa(i+1) + "\n"
				}
				var got string
				s.get("/api/ci/executions/"+execution+"/logs?stage=s&stream=stdout&step="+name, &got)
				if got != want {
					t.Errorf("the log of step %s is not what an undisturbed run gives: %d bytes, want %d", name, len(got), len(want))
				}
			}
		})
	}
}

// Ctrl-C cancels what runs and leaves no process.
func TestServerInterrupted(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	s := startServer(t, data)
	execution := s.trigger(s.create(write(t, "p.yaml", waitingPipeline)), "--env", "DIR="+dir)
	var pids []int
	for _, name := range []string{"a", "b"} {
		pid, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, filepath.Join(dir, "pid-"+name))))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	s.signal(syscall.SIGINT)
	for _, pid := range pids {
		awaitGone(t, pid)
	}
	s = startServer(t, data)
	if e := s.finished(execution); e.Status != "cancelled" {
		t.Errorf("after Ctrl-C the execution is %s", e.Status)
	}
}

func TestServerCancels(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	s := startServer(t, data)
	execution := s.trigger(s.create(write(t, "p.yaml", waitingPipeline)), "--env", "DIR="+dir)
	pid, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, filepath.Join(dir, "pid-a"))))
	if err != nil {
		t.Fatal(err)
	}
	if o := s.client("execution", "cancel", execution); o.code != 0 {
		t.Fatalf("cancel: %s", o.stderr)
	}
	if e := s.finished(execution); e.Status != "cancelled" {
		t.Errorf("the execution is %s", e.Status)
	}
	awaitGone(t, pid)
	if left, _ := os.ReadDir(filepath.Join(data, "runs")); len(left) != 0 {
		t.Errorf("left in the data folder: %v", left)
	}
	if o := s.client("execution", "cancel", execution); o.code != 1 {
		t.Errorf("cancelling it again: exit code %d", o.code)
	}
}

func TestInvalidFileIsRefusedByTheServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	o := s.client("pipeline", "create", write(t, "p.yaml", "name: a\nstages: [{name: s, steps: [{name: x, rn: 'true'}]}]\n"))
	if o.code != 2 || !strings.Contains(o.stderr, "not valid") {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	if o := s.client("pipeline", "get", "none"); o.code != 1 {
		t.Errorf("get of what is not there: exit code %d", o.code)
	}
}

func TestSecondServerOnOneFolder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	startServer(t, data)
	o := patchbay(t, "server", "--listen", "127.0.0.1:0", "--data", data)
	if o.code != 1 || !strings.Contains(o.stderr, "another server is using the data folder") {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
}
