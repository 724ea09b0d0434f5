package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// However an error is wrapped, its status and its family belong together.
func TestEveryErrorHasItsStatusAndFamily(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := "/api/ci/executions/" + b.trigger(b.create()) + "/cancel"
	type told struct {
		Status  int
		Family  ErrorError
		Message string
	}
	const general = "the server could not do this"
	tests := map[string]struct {
		err  error
		want told
	}{
		"of no kind":        {errors.New("m"), told{500, InternalError, general}},
		"a joined one":      {errors.Join(errors.New("x"), core.Errorf(core.CodeConflict, "m")), told{409, ValidationError, "m"}},
		"a wrapped one":     {fmt.Errorf("x: %w", core.Errorf(core.CodeExternal, "m")), told{502, ExternalServiceError, "m"}},
		"an unknown code":   {core.Errorf("odd", "m"), told{500, InternalError, general}},
		"a deadline":        {fmt.Errorf("x: %w", context.DeadlineExceeded), told{504, TimeoutError, "this took too long"}},
		"its cause is kept": {&core.Error{Code: core.CodeUnavailable, Message: "m", Err: errors.New("secret")}, told{503, InternalError, "m"}},
	}
	for code, answer := range answers {
		tests["the code "+string(code)] = struct {
			err  error
			want told
		}{core.Errorf(code, "m"), told{answer.status, answer.family, "m"}}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b.engine = func(context.Context, string, string) error { return test.err }
			a := b.do("DELETE", path, "", "")
			e := decoded[Error](t, a)
			if diff := cmp.Diff(test.want, told{a.status, e.Error, e.Message}); diff != "" || e.Status != a.status || strings.Contains(a.body, "secret") {
				t.Errorf("%s\n%s", diff, a.body)
			}
			var keys map[string]any
			if err := json.Unmarshal([]byte(a.body), &keys); err != nil || len(keys) != 6 {
				t.Errorf("not the six fields of an error: %s", a.body)
			}
		})
	}
}

// Who uses a wrong method is told the right ones (RFC 9110, 15.5.6).
func TestAllowedMethods(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for path, want := range map[string]string{
		"/api/ci/pipelines": "GET, POST", "/api/ci/pipelines/x": "GET, PUT, DELETE", "/api/ci/executions/x/cancel": "POST, DELETE", "/api/connectors": "GET",
	} {
		if a := b.do("PATCH", path, "", ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != want || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d, %q: %s", path, a.status, a.header.Get("Allow"), a.body)
		}
	}
}

// An execution whose pipeline went away in the moment of the trigger is shown, and
// does not take the list with it.
func TestExecutionWithoutARevision(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := b.trigger(b.create())
	const orphan = "ffffffff-ffff-7fff-bfff-ffffffffffff" // the newest of all
	e := &core.Execution{ID: orphan, PipelineID: "gone", Revision: 1, Status: core.StatusFailed}
	if err := b.store.CreateExecution(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	list := decoded[[]Execution](t, b.do("GET", "/api/ci/executions", "", ""))
	if len(list) != 2 || list[0].Id != orphan || list[1].Id != other || len(*list[1].Stages) != 1 {
		t.Errorf("%+v", list)
	}
	if one := decoded[Execution](t, b.do("GET", "/api/ci/executions/"+orphan, "", "")); one.Status != "failed" || len(*one.Stages) != 0 {
		t.Errorf("%+v", one)
	}
	if a := b.do("GET", "/api/ci/executions/"+orphan+"/logs", "", ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("%+v", a)
	}
}

// The entries of a log are bounded in number and in length, whatever a step says.
func TestEntriesAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	b.say(id, 0, core.StreamStdout, 0, strings.Repeat("short\n", maxEntries+10)+strings.Repeat("é", maxMessage)+"\n")
	e := decoded[Execution](t, b.do("GET", "/api/ci/executions/"+id, "", ""))
	last := (*e.Logs)[len(*e.Logs)-1].Message
	if len(*e.Logs) != maxEntries || last != strings.Repeat("é", maxMessage/2) {
		t.Errorf("%d entries, the last one of %d bytes", len(*e.Logs), len(last))
	}
}

// What the server can answer is explained in the contract, and with the same family.
func TestEveryErrorIsInTheReference(t *testing.T) {
	t.Parallel()
	h, err := newHandlers(Deps{})
	if err != nil {
		t.Fatal(err)
	}
	families := map[int]string{}
	for _, a := range h.contract.Answers {
		families[a.Status] = a.Family
	}
	for code, answer := range answers {
		if families[answer.status] != string(answer.family) {
			t.Errorf("%s is %d %s; the contract has %q", code, answer.status, answer.family, families[answer.status])
		}
	}
	for _, status := range []int{405, 412, 416, 426, 501} { // those of failWith
		if families[status] == "" {
			t.Errorf("%d is not explained", status)
		}
	}
}
