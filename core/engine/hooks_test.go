package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// hook is one whose work says what it was told.
func hook(name, config string) core.Hook {
	return core.Hook{Name: name, Connector: "fake", Config: json.RawMessage(config), Timeout: core.Duration(time.Minute)}
}

func hooked(step core.Step, hooks core.Hooks) *core.Spec {
	step.Hooks = &hooks
	return &core.Spec{Name: "p", Stages: []core.Stage{{Name: "s", Steps: []core.Step{step}}}}
}

// told says the hooks' work in its order: "phase/name status exit-code".
func (w *world) told(id string) string {
	w.t.Helper()
	steps, err := w.store.StepRuns(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for _, s := range steps {
		for _, h := range s.Hooks {
			if !h.Phase.OfConnector() {
				lines = append(lines, fmt.Sprintf("%s %s", h.Label(), h.Attempt.Status))
			}
		}
	}
	return strings.Join(lines, ", ")
}

func TestHooks(t *testing.T) {
	t.Parallel()
	all := func(pre ...core.Hook) core.Hooks {
		return core.Hooks{Pre: pre, OnSuccess: []core.Hook{hook("yes", `{}`)}, OnFailure: []core.Hook{hook("no", `{}`)}, Post: []core.Hook{hook("last", `{}`)}}
	}
	step := func(config string) core.Step {
		return core.Step{Name: "a", Connector: "fake", Config: json.RawMessage(config)}
	}
	retried, allowed := step(`{"fail":2}`), step(`{"error":"internal"}`)
	retries := 2
	retried.RetryCount, allowed.ContinueOnError = &retries, true
	forgiven := hook("first", `{"error":"internal"}`)
	forgiven.ContinueOnError = true
	slow := hook("first", `{"wait":true}`)
	slow.Timeout = core.Duration(time.Millisecond)
	for name, test := range map[string]struct {
		spec                 *core.Spec
		status, hooks, order string
		reason               string
	}{
		"success":         {hooked(step(`{}`), all(hook("first", `{}`))), "a=success", "pre/first success, on_success/yes success, post/last success", "first a yes last", ""},
		"failure":         {hooked(step(`{"error":"internal"}`), all()), "a=failed", "on_failure/no success, post/last success", "no last", "broken as asked"},
		"allowed failure": {hooked(allowed, all()), "a=failed(allowed)", "on_failure/no success, post/last success", "no last", ""},
		"around all attempts": {hooked(retried, all(hook("first", `{}`))), "a=success",
			"pre/first success, on_success/yes success, post/last success", "first a a a yes last", ""},
		"pre fails": {hooked(step(`{}`), all(hook("first", `{"error":"internal"}`), hook("second", `{}`))), "a=failed",
			"pre/first failed, on_failure/no success, post/last success", "no last", "hook pre/first: "},
		"pre may fail": {hooked(step(`{}`), all(forgiven, hook("second", `{}`))), "a=success",
			"pre/first failed, pre/second success, on_success/yes success, post/last success", "second a yes last", ""},
		"pre takes too long": {hooked(step(`{}`), all(slow)), "a=failed",
			"pre/first timeout, on_failure/no success, post/last success", "?", "hook pre/first: the hook's time of 1ms was up"},
		"pre alone fails": {hooked(step(`{}`), core.Hooks{Pre: []core.Hook{hook("first", `{"error":"internal"}`)}}), "a=failed", "pre/first failed", "", "hook pre/first: "},
		"post fails": {hooked(step(`{}`), core.Hooks{OnSuccess: []core.Hook{hook("yes", `{"error":"internal"}`)}, Post: []core.Hook{hook("last", `{"error":"internal"}`)}}),
			"a=success", "on_success/yes failed, post/last failed", "a", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.byHook = true
			id := w.submit(test.spec)
			e := w.await(id)
			if test.order == "?" { // the time may be up before its work begins
				test.order = strings.Join(w.started, " ")
			}
			got := []string{w.statuses(id), w.told(id), strings.Join(w.started, " ")}
			if diff := cmp.Diff([]string{test.status, test.hooks, test.order}, got); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(e.Reason, test.reason) {
				t.Errorf("the reason is %q", e.Reason)
			}
			w.nothingLeft()
		})
	}
}

// A cancelled step gets its post hooks and no others.
func TestHooksOfACancelledStep(t *testing.T) {
	t.Parallel()
	for name, where := range map[string]string{"in the step": "a", "in pre": "first"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.byHook = true
			hooks := core.Hooks{OnSuccess: []core.Hook{hook("yes", `{}`)}, OnFailure: []core.Hook{hook("no", `{}`)}, Post: []core.Hook{hook("last", `{}`)}}
			want, step := "post/last success", `{"wait":true}`
			if where == "first" {
				hooks.Pre = []core.Hook{hook("first", `{"wait":true}`)}
				want = "pre/first cancelled, " + want
			}
			begun := w.begins(where)
			id := w.submit(hooked(core.Step{Name: "a", Connector: "fake", Config: json.RawMessage(step)}, hooks))
			<-begun
			if err := w.engine.Cancel(t.Context(), id, "ada"); err != nil {
				t.Fatal(err)
			}
			if e := w.await(id); e.Status != core.StatusCancelled || w.statuses(id) != "a=cancelled" || w.told(id) != want {
				t.Errorf("%s: %s; %s", e.Status, w.statuses(id), w.told(id))
			}
			w.nothingLeft()
		})
	}
}

// Whatever dies in the middle of a hook: it is joined again, and everything runs once.
func TestHooksAreJoinedAgain(t *testing.T) {
	t.Parallel()
	for _, killed := range []string{"engine", "connector"} {
		for _, where := range []string{"first", "yes", "last"} {
			t.Run(killed+" in "+where, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.byHook = true
				config := func(name string) string { return fmt.Sprintf(`{"wait":%v,"text":"I am %s\n"}`, name == where, name) }
				begun := w.begins(where)
				id := w.submit(hooked(core.Step{Name: "a", Connector: "fake", Config: json.RawMessage(config("a"))}, core.Hooks{
					Pre: []core.Hook{hook("first", config("first"))}, OnSuccess: []core.Hook{hook("yes", config("yes"))}, Post: []core.Hook{hook("last", config("last"))}}))
				<-begun
				if killed == "engine" {
					w.restartEngine()
				} else {
					w.cut()
				}
				w.release()
				w.await(id)
				if got := strings.Join(w.started, " "); got != "first a yes last" || w.statuses(id) != "a=success" {
					t.Errorf("ran %s: %s", got, w.statuses(id))
				}
				var said strings.Builder
				if err := w.logs.Read(t.Context(), id, 0, func(r core.LogRecord, _ core.Cursor) error {
					if r.Stream == core.StreamStdout {
						said.Write(r.Data)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if want := "I am first\nI am a\nI am yes\nI am last\n"; said.String() != want {
					t.Errorf("the log has %q", said.String())
				}
				if killed == "engine" {
					w.nothingLeft()
					return
				}
				for attempt, work := range w.work { // a PostExecute that the death cut off is not repeated
					if !work.destroyed {
						t.Errorf("attempt %s was not destroyed", attempt)
					}
				}
			})
		}
	}
}

// The connector's own hooks are recorded, one for each attempt and hook.
func TestConnectorsOwnHooksAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	retries := 1
	id := w.submit(hooked(core.Step{Name: "a", Connector: "fake", RetryCount: &retries, Config: json.RawMessage(`{"fail":1}`)},
		core.Hooks{Post: []core.Hook{hook("last", `{}`)}}))
	w.await(id)
	steps, err := w.store.StepRuns(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	posted := map[int]bool{}
	for _, h := range steps[0].Hooks {
		if h.Phase == core.HookPostExecute && h.Attempt.Status == core.StatusSuccess && h.Attempt.FinishedAt != nil && h.Connector == "fake" {
			posted[h.Attempt.Number] = true
		}
	}
	if diff := cmp.Diff(map[int]bool{1: true, 2: true, core.FirstHookNumber: true}, posted); diff != "" {
		t.Error(diff)
	}
}
