package engine

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// step makes a step of the scripted connector.
func step(name string, what script, change ...func(*core.Step)) core.Step {
	config, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	s := core.Step{Name: name, Connector: "fake", Config: config}
	for _, c := range change {
		c(&s)
	}
	return s
}

func oneStage(steps ...core.Step) *core.Spec {
	return &core.Spec{Name: "p", Stages: []core.Stage{{Name: "s", Steps: steps}}}
}

func number(n int) *int { return &n }

func TestHowRunsEnd(t *testing.T) {
	t.Parallel()
	allowed := func(s *core.Step) { s.ContinueOnError = true }
	when := func(condition string) func(*core.Step) { return func(s *core.Step) { s.Condition = condition } }
	retries := func(n int) func(*core.Step) { return func(s *core.Step) { s.RetryCount = number(n) } }
	for name, test := range map[string]struct {
		spec   *core.Spec
		status core.Status
		steps  string
		order  string
	}{
		"success": {oneStage(step("a", script{}), step("b", script{})),
			core.StatusSuccess, "a=success b=success", "a b"},
		"a failure stops what follows": {oneStage(step("a", script{Fail: 1}), step("b", script{})),
			core.StatusFailed, "a=failed b=skipped", "a"},
		"an allowed failure does not": {oneStage(step("a", script{Fail: 1}, allowed), step("b", script{})),
			core.StatusSuccess, "a=failed(allowed) b=success", "a b"},
		"clean-up runs after a failure": {oneStage(step("a", script{Fail: 1}), step("b", script{}), step("c", script{}, when("always()")), step("d", script{}, when("failure()")), step("e", script{}, when("success()"))),
			core.StatusFailed, "a=failed b=skipped c=success d=success e=skipped", "a c d"},
		"failure() without one": {oneStage(step("a", script{}), step("b", script{}, when("failure()")), step("c", script{})),
			core.StatusSuccess, "a=success b=skipped c=success", "a c"},
		"conditions, both forms": {oneStage(step("a", script{}, when("branch == 'main'")), step("b", script{}, when("${BRANCH} == 'other'")), step("c", script{}, when("${CI_EVENT} == 'manual' && branch != 'x'"))),
			core.StatusSuccess, "a=success b=skipped c=success", "a c"},
		"outputs": {oneStage(step("a", script{Output: "yes"}), step("b", script{}, when(`steps["a"].outputs["value"] == "yes"`)), step("c", script{}, when(`steps["a"].outputs["value"] == "no"`))),
			core.StatusSuccess, "a=success b=success c=skipped", "a b"},
		"retried": {oneStage(step("a", script{Fail: 2}, retries(2)), step("b", script{})),
			core.StatusSuccess, "a=success b=success", "a a a b"},
		"retried in vain": {oneStage(step("a", script{Fail: 9}, retries(1))),
			core.StatusFailed, "a=failed", "a a"},
		"a broken config is not retried": {oneStage(step("a", script{Error: "invalid_config"}, retries(3))),
			core.StatusFailed, "a=failed", ""},
		"no such connector": {oneStage(core.Step{Name: "a", Connector: "nosuch", Config: json.RawMessage("{}")}),
			core.StatusFailed, "a=failed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.submit(test.spec)
			if e := w.await(id); e.Status != test.status {
				t.Errorf("the execution is %s (%s), want %s", e.Status, e.Reason, test.status)
			}
			if got := w.statuses(id); got != test.steps {
				t.Errorf("steps: %s\nwant:  %s", got, test.steps)
			}
			if got := strings.Join(w.started, " "); got != test.order {
				t.Errorf("order %q, want %q", got, test.order)
			}
			w.nothingLeft()
		})
	}
}

func TestStageConditionAndDependencies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.submit(&core.Spec{Name: "p", Stages: []core.Stage{
		{Name: "one", Steps: []core.Step{step("a", script{Fail: 1})}},
		{Name: "two", Steps: []core.Step{step("b", script{})}},
		{Name: "apart", DependsOn: []string{}, Steps: []core.Step{step("c", script{}), step("d", script{})}},
		{Name: "never", DependsOn: []string{"apart"}, Condition: "branch == 'x'", Steps: []core.Step{step("e", script{})}},
		{Name: "after", DependsOn: []string{"never"}, Steps: []core.Step{step("f", script{})}},
		{Name: "cleanup", DependsOn: []string{"two"}, Condition: "always()", Steps: []core.Step{step("g", script{}), step("h", script{})}},
	}})
	if e := w.await(id); e.Status != core.StatusFailed {
		t.Errorf("the execution is %s", e.Status)
	}
	want := "a=failed b=skipped c=success d=success e=skipped f=success g=success h=success"
	if got := w.statuses(id); got != want {
		t.Errorf("steps: %s\nwant:  %s", got, want)
	}
	w.nothingLeft()
}

func TestParallelStepsOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.begins("a"), w.begins("b")
	id := w.submit(&core.Spec{Name: "p", Stages: []core.Stage{{Name: "s", Parallel: true,
		Steps: []core.Step{step("a", script{Wait: true}), step("b", script{Wait: true})}}}})
	<-a
	<-b // only when a, which waits for the release, does not keep it from starting
	w.release()
	if e := w.await(id); e.Status != core.StatusSuccess {
		t.Errorf("the execution is %s", e.Status)
	}
}

func TestTimeLimitsAreToldApart(t *testing.T) {
	t.Parallel()
	limit := core.Duration(50 * time.Millisecond)
	waiting := step("a", script{Wait: true})
	limited := step("a", script{Wait: true}, func(s *core.Step) { s.Timeout = limit })
	for name, test := range map[string]struct {
		spec   *core.Spec
		reason string
	}{
		"step":     {oneStage(limited), "the step's time of 50ms was up"},
		"stage":    {&core.Spec{Name: "p", Stages: []core.Stage{{Name: "s", Timeout: limit, Steps: []core.Step{waiting}}}}, "the time of stage s, 50ms, was up"},
		"pipeline": {&core.Spec{Name: "p", Timeout: limit, Stages: []core.Stage{{Name: "s", Steps: []core.Step{waiting}}}}, "the pipeline's time of 50ms was up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.submit(test.spec)
			e := w.await(id)
			if e.Status != core.StatusTimeout || !strings.Contains(e.Reason, test.reason) {
				t.Errorf("%s: %q, want %q", e.Status, e.Reason, test.reason)
			}
			if got := w.statuses(id); got != "a=timeout" {
				t.Error(got)
			}
			w.nothingLeft()
		})
	}
}

func TestCancelRunsCleanUpAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun := w.begins("a")
	id := w.submit(oneStage(step("a", script{Wait: true}), step("b", script{}),
		step("c", script{}, func(s *core.Step) { s.Condition = "cancelled()" })))
	<-begun
	if err := w.engine.Cancel(t.Context(), id, "somebody"); err != nil {
		t.Fatal(err)
	}
	e := w.await(id)
	if e.Status != core.StatusCancelled || e.Reason != "cancelled by somebody" {
		t.Errorf("%s: %q", e.Status, e.Reason)
	}
	if got := w.statuses(id); got != "a=cancelled b=cancelled c=success" {
		t.Error(got)
	}
	if err := w.engine.Cancel(t.Context(), id, "somebody"); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("cancelling what has ended: %v", err)
	}
	w.nothingLeft()
}

func TestCancelOfWhatWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxExecutions = 1 })
	begun := w.begins("a")
	first := w.submit(oneStage(step("a", script{Wait: true})))
	<-begun
	second := w.submit(oneStage(step("b", script{})))
	if err := w.engine.Cancel(t.Context(), second, "somebody"); err != nil {
		t.Fatal(err)
	}
	if e := w.await(second); e.Status != core.StatusCancelled {
		t.Errorf("the second is %s", e.Status)
	}
	w.release()
	if e := w.await(first); e.Status != core.StatusSuccess {
		t.Errorf("the first is %s", e.Status)
	}
	if got := strings.Join(w.started, " "); got != "a" {
		t.Errorf("ran: %s", got)
	}
}

// Whoever dies, the step's work begins once and its output is complete.
func TestEverythingIsJoinedAgain(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("line of output\n", 20_000)
	for name, disturb := range map[string]func(*world){
		"nobody":           func(*world) {},
		"the connector":    func(w *world) { w.cut() },
		"the engine":       func(w *world) { w.restartEngine() },
		"both":             func(w *world) { w.cut(); w.restartEngine() },
		"the engine twice": func(w *world) { w.restartEngine(); w.restartEngine() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			begun := w.begins("a")
			id := w.submit(oneStage(step("a", script{Wait: true, Text: text, Output: "v"}), step("b", script{})))
			<-begun
			disturb(w)
			w.release()
			if e := w.await(id); e.Status != core.StatusSuccess {
				t.Fatalf("the execution is %s: %s", e.Status, e.Reason)
			}
			if got := strings.Join(w.started, " "); got != "a b" {
				t.Errorf("work began: %s", got)
			}
			if got := w.stdout(id, 0); got != text {
				t.Errorf("%d bytes of output, want %d", len(got), len(text))
			}
			w.nothingLeft()
		})
	}
}

// stdout is what the log has of a step.
func (w *world) stdout(id string, index int) string {
	w.t.Helper()
	var b bytes.Buffer
	err := w.logs.Read(w.t.Context(), id, 0, func(r core.LogRecord, _ core.Cursor) error {
		if r.Step == index && r.Stream == core.StreamStdout {
			b.Write(r.Data)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

func TestEnvironmentOfAStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec := &core.Spec{Name: "p", Environment: map[string]string{"A": "pipeline", "B": "pipeline", "C": "pipeline"},
		Stages: []core.Stage{{Name: "s", Environment: map[string]string{"B": "stage", "C": "stage"},
			Steps: []core.Step{step("a", script{}, func(s *core.Step) {
				s.Environment = map[string]string{"C": "step"}
				s.Config = json.RawMessage(`{"text":"${A} ${B} ${C} ${CI_STAGE_NAME}/${CI_STEP_NAME} ${CI_BUILD_NUMBER} ${BRANCH}"}`)
			})}}}}
	id := w.submit(spec)
	w.await(id)
	if got, want := w.stdout(id, 0), "pipeline stage step s/a 1 main"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
