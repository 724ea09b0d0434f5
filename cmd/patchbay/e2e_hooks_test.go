package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// killable is a pipeline whose hooks wait, each for a file, and note that they ran.
const killable = `
name: killable
stages:
  - name: s
    steps:
      - name: x
        run: echo x >>"$DIR/ran"
        hooks:
          pre: &hook
            name: waits
            run: |
              echo "$CI_HOOK begun"
              echo "$CI_HOOK" >>"$DIR/ran"
              echo $PPID >"$DIR/$CI_HOOK.connector"
              while [ ! -e "$DIR/$CI_HOOK.go" ]; do sleep 0.02; done
              echo "$CI_HOOK ended"
          on_success: *hook
          post: *hook
`

// Server or connector killed in the middle of each hook: it is joined again, every
// hook and the step ran once, and no line is lost or doubled.
func TestHooksSurviveKills(t *testing.T) {
	t.Parallel()
	for _, killed := range []string{"server", "connector"} {
		t.Run(killed, func(t *testing.T) {
			t.Parallel()
			dir, data := t.TempDir(), t.TempDir()
			s := startServer(t, data)
			id := s.trigger(s.create(write(t, "p.yaml", killable)), "-e", "DIR="+dir)
			for _, phase := range []string{"pre", "on_success", "post"} {
				connector, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, filepath.Join(dir, phase+".connector"))))
				if err != nil {
					t.Fatal(err)
				}
				if killed == "server" {
					s.signal(syscall.SIGKILL)
					s = startServer(t, data)
				} else if err := syscall.Kill(connector, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, phase+".go"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if e := s.finished(id); e.Status != "success" {
				t.Errorf("the execution: %+v", e)
			}
			if ran, _ := os.ReadFile(filepath.Join(dir, "ran")); string(ran) != "pre\nx\non_success\npost\n" {
				t.Errorf("ran: %q", ran)
			}
			var e scenarioExecution
			s.get("/api/ci/executions/"+id, &e)
			var hooks []string
			for _, h := range e.Stages[0].Steps[0].Hooks {
				hooks = append(hooks, fmt.Sprintf("%s/%s %s %q", h.Phase, h.Name, h.Status, h.Stdout))
			}
			want := `pre/waits success "pre begun\npre ended\n", on_success/waits success "on_success begun\non_success ended\n", post/waits success "post begun\npost ended\n"`
			if got := strings.Join(hooks, ", "); got != want {
				t.Errorf("hooks:\n%s\nwant\n%s", got, want)
			}
			if o := s.client("execution", "get", id); !strings.Contains(o.stdout, "on_success/waits") {
				t.Errorf("execution get:\n%s", o.stdout)
			}
		})
	}
}

// `patchbay run` shows hooks: their output, those that failed in its summary, and all
// of them to programs.
func TestRunShowsHooks(t *testing.T) {
	t.Parallel()
	file := write(t, "p.yaml", "name: a\nstages: [{name: s, steps: [{name: x, run: echo hi, hooks: {pre: echo before, post: {name: clean, run: 'echo after; exit 3'}}}]}]\n")
	o := patchbay(t, "run", file)
	for _, text := range []string{"hook pre/1\n", "before\n", "hook post/clean failed: exit code 3"} {
		if o.code != 0 || !strings.Contains(o.stdout, text) {
			t.Errorf("exit code %d, no %q in\n%s%s", o.code, text, o.stdout, o.stderr)
		}
	}
	o = patchbay(t, "run", "-o", "json", file)
	var report []runJSON
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
		t.Fatalf("%v in %s", err, o.stdout)
	}
	step := report[0].Steps[0]
	if len(step.Hooks) != 2 || step.Stdout != "hi\n" || step.Hooks[0].Stdout != "before\n" || step.Hooks[1].Status != "failed" || !step.Hooks[1].Allowed || step.Hooks[1].Stdout != "after\n" {
		t.Errorf("%+v", step)
	}
}
