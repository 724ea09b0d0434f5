package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// doors record what comes through to the parts behind the API.
type doors struct {
	trigger  []core.TriggerRequest
	retry    []core.RetryRequest
	decision []core.Decision
	err      error
}

func (d *doors) Trigger(_ context.Context, request core.TriggerRequest) (*core.Execution, error) {
	d.trigger = append(d.trigger, request)
	return &core.Execution{ID: "new"}, d.err
}

func (d *doors) Retry(_ context.Context, request core.RetryRequest) (*core.Execution, error) {
	d.retry = append(d.retry, request)
	return &core.Execution{ID: "new"}, d.err
}

func (d *doors) Decide(_ context.Context, decision core.Decision) error {
	d.decision = append(d.decision, decision)
	return d.err
}

func (d *doors) open(h *handlers) { h.Trigger, h.Retry, h.Approve = d, d, d }

const jsonKey = "application/json"

func TestTriggerSaysEverything(t *testing.T) {
	t.Parallel()
	d := &doors{}
	b := newBench(t, d.open)
	a := b.do("POST", "/api/ci/pipelines/p/trigger", jsonKey, `{"trigger_type":"git_tag","tag":"v1","priority":-100,
		"changed_paths":["a/b.go"],"environment":{"A":"1"},"params":{"s":"a \"b\" é","i":12,"f":1.50,"e":1e3,"t":true,"f2":false,"empty":""}}`)
	if a.status != http.StatusAccepted || a.header.Get("Location") != "/api/ci/executions/new" {
		t.Fatalf("%+v", a)
	}
	want := []core.TriggerRequest{{PipelineID: "p", Environment: map[string]string{"A": "1"}, Priority: -100,
		Params: map[string]string{"s": `a "b" é`, "i": "12", "f": "1.50", "e": "1e3", "t": "true", "f2": "false", "empty": ""},
		Info:   core.TriggerInfo{Type: core.TriggerGitTag, TriggeredBy: "admin", Tag: "v1", ChangedPaths: []string{"a/b.go"}}}}
	if diff := cmp.Diff(want, d.trigger); diff != "" {
		t.Error(diff)
	}
	if a := b.do("POST", "/api/ci/pipelines/p/trigger", "", ""); a.status != http.StatusAccepted || d.trigger[1].Info.ChangedPaths != nil {
		t.Errorf("without a body: %+v", a)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body   string
		want   core.RetryRequest
		status int
		say    string
	}{
		"no body":  {"", core.RetryRequest{Mode: core.RetryAll}, 201, "new"},
		"failed":   {`{"mode":"failed"}`, core.RetryRequest{Mode: core.RetryFailed}, 201, "new"},
		"one step": {`{"mode":"step","stage":"s","step":"n"}`, core.RetryRequest{Mode: core.RetryStep, Stage: "s", Step: "n"}, 201, "new"},
		"changed": {`{"params":{"n":3},"environment":{"A":"b"}}`,
			core.RetryRequest{Mode: core.RetryAll, Params: map[string]string{"n": "3"}, Environment: map[string]string{"A": "b"}}, 201, "new"},
		"no step":            {`{"mode":"step"}`, core.RetryRequest{}, 400, "needs a step"},
		"step for all":       {`{"step":"n"}`, core.RetryRequest{}, 400, `mode`},
		"stage for failed":   {`{"mode":"failed","stage":"s"}`, core.RetryRequest{}, 400, `mode`},
		"no such mode":       {`{"mode":"some"}`, core.RetryRequest{}, 400, "/mode: must be one of"},
		"unknown key":        {`{"mod":"all"}`, core.RetryRequest{}, 400, "did you mean mode?"},
		"odd parameter":      {`{"params":{"a":["b"]}}`, core.RetryRequest{}, 400, "/params/a"},
		"another odd one":    {`{"params":{"a~/b":null}}`, core.RetryRequest{}, 400, "/params/a~0~1b"},
		"odd environment":    {`{"environment":{"A":1}}`, core.RetryRequest{}, 400, "/environment/A: expected text, got a number"},
		"a list":             {`[]`, core.RetryRequest{}, 400, "expected an object"},
		"what is not stated": {`{"mode":1}`, core.RetryRequest{}, 400, "/mode: expected text, got a number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &doors{}
			b := newBench(t, d.open)
			a := b.do("POST", "/api/ci/executions/old/retry", jsonKey, test.body)
			if a.status != test.status || !strings.Contains(a.body, test.say) {
				t.Fatalf("%d: %s", a.status, a.body)
			}
			if a.status != http.StatusCreated {
				return
			}
			test.want.ExecutionID, test.want.By = "old", "admin"
			if diff := cmp.Diff([]core.RetryRequest{test.want}, d.retry); diff != "" || a.header.Get("Location") != "/api/ci/executions/new" {
				t.Error(diff)
			}
		})
	}
}

func TestApprove(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body   string
		err    error
		want   core.Decision
		status int
		say    string
	}{
		"no body":      {"", nil, core.Decision{Approved: true}, 200, "approved"},
		"nothing said": {"{}", nil, core.Decision{Approved: true}, 200, "approved"},
		"rejected": {`{"stage":"s","step":"n","approved":false,"comment":"no"}`, nil,
			core.Decision{Stage: "s", Step: "n", Comment: "no"}, 200, "rejected"},
		"nothing waits":   {"", core.Errorf(core.CodeConflict, "nothing waits"), core.Decision{Approved: true}, 409, "nothing waits"},
		"may not":         {"", core.Errorf(core.CodeForbidden, "may not"), core.Decision{Approved: true}, 403, "may not"},
		"which one":       {"", core.Errorf(core.CodeInvalid, "several wait"), core.Decision{Approved: true}, 400, "several wait"},
		"a word":          {`{"approved":"yes"}`, nil, core.Decision{}, 400, "/approved: expected true or false, got text"},
		"a typing error":  {`{"aproved":false}`, nil, core.Decision{}, 400, "did you mean approved?"},
		"another case":    {`{"Approved":false}`, nil, core.Decision{}, 400, "did you mean approved?"},
		"a novel":         {`{"comment":"` + strings.Repeat("x", maxComment+1) + `"}`, nil, core.Decision{}, 400, "/comment: must have at most 4096"},
		"broken JSON":     {`{"approved":false`, nil, core.Decision{}, 400, "JSON"},
		"JSON, then more": {`{"approved":false}}`, nil, core.Decision{}, 400, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &doors{err: test.err}
			b := newBench(t, d.open)
			a := b.do("POST", "/api/ci/executions/x/approve", jsonKey, test.body)
			if a.status != test.status || !strings.Contains(a.body, test.say) {
				t.Errorf("%d: %s", a.status, a.body)
			}
			var want []core.Decision
			if test.status == 200 || test.err != nil {
				test.want.ExecutionID, test.want.By = "x", "admin"
				want = append(want, test.want)
			}
			if diff := cmp.Diff(want, d.decision); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A typing error must not start a run of something else.
func TestTriggerRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	d := &doors{}
	b := newBench(t, d.open)
	for body, want := range map[string]string{
		`{"brnach":"main"}`:              "did you mean branch?",
		`{"zzz":1}`:                      "branch, changed_paths",
		`{"priority":101}`:               "/priority: must be at most 100",
		`{"priority":1.5}`:               "/priority: expected a whole number",
		`{"priority":99999999999999999}`: "/priority: must be at most 100",
		`{"priority":1e1}`:               "/priority: expected a whole number",
		`{"changed_paths":"a"}`:          "/changed_paths: expected a list, got text",
		`{"changed_paths":["a",1]}`:      "/changed_paths/1: expected text, got a number",
		`{"params":[]}`:                  "/params: expected an object, got a list",
		`"x"`:                            "the body: expected an object, got text",
	} {
		if a := b.do("POST", "/api/ci/pipelines/p/trigger", jsonKey, body); a.status != http.StatusBadRequest || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d, without %q: %s", body, a.status, want, a.body)
		}
	}
	if len(d.trigger) > 0 {
		t.Errorf("%d came through", len(d.trigger))
	}
}
