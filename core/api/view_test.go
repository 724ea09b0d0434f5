package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

const matrix = `name: m
stages:
- name: build
  matrix: {os: [linux, mac]}
  approval: {message: sure?}
  steps: [{name: make, run: echo make}]
- name: ship
  approval: {}
  steps: [{name: push, run: echo push}]
`

// execute stores an execution of a pipeline's text.
func (b *bench) execute(source string, change func(*core.Execution)) *core.Execution {
	b.t.Helper()
	pipeline := decoded[Pipeline](b.t, b.do("POST", "/api/ci/pipelines", yamlKey, source)).Id
	id := b.trigger(pipeline)
	e, err := b.store.Execution(b.t.Context(), id)
	if err == nil && change != nil {
		change(e)
		err = b.store.UpdateExecution(b.t.Context(), e)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func (b *bench) saveSteps(runs ...*core.StepRun) {
	b.t.Helper()
	for _, run := range runs {
		if err := b.store.SaveStepRun(b.t.Context(), run); err != nil {
			b.t.Fatal(err)
		}
	}
}

// Hooks are shown with what they said, which is not what the step said; and the log
// tells which hook said what.
func TestViewOfHooks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.execute("name: h\nstages: [{name: s, steps: [{name: n, run: x, hooks: {pre: {name: lint, run: x}, post: [a, b]}}]}]\n", nil)
	at, code := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), 3
	end := at.Add(2 * time.Second)
	run := func(phase core.HookPhase, index int, name string, a core.Attempt) *core.HookRun {
		a.StartedAt, a.FinishedAt = at, &end
		return &core.HookRun{Phase: phase, Index: index, Name: name, Connector: "shell", Attempt: a, Allowed: a.Status == core.StatusFailed}
	}
	b.saveSteps(&core.StepRun{ExecutionID: e.ID, Stage: "s", Name: "n", Status: core.StatusSuccess, Hooks: []*core.HookRun{
		run(core.HookPre, 0, "lint", core.Attempt{ID: "x", Number: core.FirstHookNumber, Status: core.StatusSuccess}),
		run(core.HookPreExecute, 0, "", core.Attempt{Number: 1, Status: core.StatusSuccess}),
		run(core.HookPost, 1, "2", core.Attempt{ID: "y", Number: core.FirstHookNumber + 2, Status: core.StatusFailed, ExitCode: &code, Message: "exit code 3"})}})
	writer, err := b.logs.OpenLog(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []core.LogRecord{{Attempt: core.FirstHookNumber, Data: []byte("linted\n")}, {Attempt: 1, Data: []byte("step\n")}, {Attempt: core.FirstHookNumber + 2, Data: []byte("posted\n")}} {
		r.Stream, r.Time = core.StreamStdout, at
		if err := writer.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	step := (*decoded[Execution](t, b.do("GET", "/api/ci/executions/"+e.ID, "", "")).Stages)[0].Steps[0]
	got := []string{"step: " + value(step.Stdout)}
	for _, h := range *step.Hooks {
		got = append(got, fmt.Sprintf("%s/%s by %s %s %d code=%d allowed=%v %gs %q %q", h.Phase, value(h.Name), h.Connector, h.Status, h.Attempt,
			value(h.ExitCode), value(h.Allowed), value(h.Duration), value(h.Message), value(h.Stdout)))
	}
	want := []string{"step: step\n", `pre/lint by shell success 32768 code=0 allowed=false 2s "" "linted\n"`,
		`pre_execute/ by shell success 1 code=0 allowed=false 2s "" ""`, `post/2 by shell failed 32770 code=3 allowed=true 2s "exit code 3" "posted\n"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An execution is shown with the stages that its matrix makes, and all that became of
// its steps.
func TestViewOfEverything(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.execute(matrix, func(e *core.Execution) {
		e.Params, e.Priority = map[string]string{"a": "1"}, 7
		e.Retry = &core.Retry{Of: "old", Mode: core.RetryStep, Step: 2}
		e.Concurrency = &core.Concurrency{Group: "g"}
		e.CancelRequested, e.Trigger.ChangedPaths = "ann", []string{"x"}
	})
	asked, yes := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true
	decided := asked.Add(time.Minute)
	b.saveSteps(
		&core.StepRun{ExecutionID: e.ID, Index: 0, Stage: "build", Name: "approval", Status: core.StatusSuccess, Approval: &core.Approval{
			Message: "sure?", Approvers: []string{"bob"}, RequestedAt: asked, Approved: &yes, By: "bob", Comment: "fine", DecidedAt: &decided}},
		&core.StepRun{ExecutionID: e.ID, Index: 1, Stage: "build (linux)", Name: "make", Status: core.StatusSuccess, Reused: true, Outputs: map[string]string{"v": "1"}},
		&core.StepRun{ExecutionID: e.ID, Index: 2, Stage: "build (mac)", Name: "make", Status: core.StatusFailed, Allowed: true, Reason: "exit code 1"},
		&core.StepRun{ExecutionID: e.ID, Index: 3, Stage: "ship", Name: "approval", Status: core.StatusWaiting, Approval: &core.Approval{RequestedAt: asked}})
	a := b.do("GET", "/api/ci/executions/"+e.ID, "", "")
	view := decoded[Execution](t, a)
	var got []string
	for _, stage := range *view.Stages {
		for _, step := range stage.Steps {
			approval, _ := json.Marshal(step.Approval)
			got = append(got, fmt.Sprintf("%d %s %v [%s] / %s [%s] reused=%v allowed=%v %v %s %s", step.Index, stage.Name, value(stage.Matrix), stage.Status, step.Name, step.Status,
				value(step.Reused), value(step.Allowed), value(step.Outputs), value(step.Reason), approval))
		}
	}
	want := []string{
		`0 build map[] [success] / approval [success] reused=false allowed=false map[]  {"approved":true,"approvers":["bob"],"by":"bob","comment":"fine","decided_at":"2026-01-02T03:05:05Z","message":"sure?","requested_at":"2026-01-02T03:04:05Z"}`,
		`1 build (linux) map[os:linux] [success] / make [success] reused=true allowed=false map[v:1]  null`,
		`2 build (mac) map[os:mac] [success] / make [failed] reused=false allowed=true map[] exit code 1 null`,
		`3 ship map[] [waiting] / approval [waiting] reused=false allowed=false map[]  {"requested_at":"2026-01-02T03:04:05Z"}`,
		`4 ship map[] [waiting] / push [pending] reused=false allowed=false map[]  null`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Retry{Of: "old", Mode: "step", Stage: some("build (mac)"), Step: some("make")}, *view.Retry); diff != "" {
		t.Error(diff)
	}
	if (*view.Params)["a"] != "1" || *view.Priority != 7 || *view.ConcurrencyGroup != "g" || *view.CancelRequested != "ann" || (*view.TriggerInfo.ChangedPaths)[0] != "x" {
		t.Errorf("%s", a.body)
	}
}

// A log of a gigabyte is not read to show a status: only its end is.
func TestOnlyTheEndOfALongLogIsRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	w, err := b.logs.OpenLog(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	offset, say := int64(0), func(step int, offset int64, text string) int64 {
		if err := w.Append(core.LogRecord{Time: time.Now(), Step: step, Attempt: 1, Stream: core.StreamStdout, Offset: offset, Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		return offset + int64(len(text))
	}
	say(0, 0, "the beginning\n")
	if e := decoded[Execution](t, b.do("GET", "/api/ci/executions/"+id, "", "")); *(*e.Stages)[0].Steps[0].Stdout != "the beginning\n" || e.LogsTruncated != nil {
		t.Errorf("a short log: %+v", (*e.Stages)[0].Steps[0])
	}
	for offset < maxTail+1<<20 {
		offset = say(1, offset, strings.Repeat("x", 60<<10)+"\n")
	}
	say(1, offset, "the end\n")
	e := decoded[Execution](t, b.do("GET", "/api/ci/executions/"+id, "", ""))
	steps := (*e.Stages)[0].Steps
	if *steps[0].Stdout != "" || !strings.HasSuffix(*steps[1].Stdout, "the end\n") || len(*steps[1].Stdout) != maxOutput || !value(e.LogsTruncated) {
		t.Errorf("a long log: %d and %d bytes, truncated: %v", len(*steps[0].Stdout), len(*steps[1].Stdout), value(e.LogsTruncated))
	}
}
