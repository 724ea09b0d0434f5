package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api/contract"
)

// What is asked of things that are not there.
func TestNothingIsThere(t *testing.T) {
	t.Parallel()
	gone := core.NotFound("thing", "none")
	b := newBench(t, full(t), func(h *handlers) {
		h.Trigger, h.Approve, h.Webhooks = &doors{err: gone}, &doors{err: gone}, quietHooks{gone}
	})
	b.engine = func(context.Context, string, string) error { return gone }
	b.sweep(t, func(t *testing.T, o *contract.Operation, path string) {
		if o.Answers["404"] == nil {
			return
		}
		if o.Takes("query", "pipeline_id") {
			path += "?pipeline_id=none"
		}
		if o.Takes("query", "user") {
			path += "?user=none"
		}
		kind, body := exampleOf(o)
		if o.ID == "streamExecution" {
			request, err := http.NewRequestWithContext(t.Context(), o.Method, b.server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header = http.Header{"Authorization": {"Bearer " + token}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
			wantError(t, b.send(request), http.StatusNotFound)
			return
		}
		wantError(t, b.do(o.Method, path, kind, body), http.StatusNotFound)
	})
}

// A server without some parts says so.
func TestPartsThatAreNotThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sweep(t, func(t *testing.T, o *contract.Operation, path string) {
		if o.Answers["501"] == nil {
			return
		}
		kind, body := exampleOf(o)
		wantError(t, b.do(o.Method, path, kind, body), http.StatusNotImplemented)
	})
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	d := &doors{err: core.Errorf(core.CodeConflict, "not now")}
	b := newBench(t, d.open)
	b.engine = func(context.Context, string, string) error { return d.err }
	for _, path := range []string{"pipelines/x/trigger", "executions/x/retry", "executions/x/approve", "executions/x/cancel"} {
		wantError(t, b.do("POST", "/api/ci/"+path, "", ""), http.StatusConflict)
	}
}

// waiting waits for the end of what it is asked in.
type waiting struct{ core.Triggerer }

func (waiting) Trigger(ctx context.Context, _ core.TriggerRequest) (*core.Execution, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A request that takes too long is answered all the same.
func TestTimeLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(h *handlers) { h.Trigger, h.patience.work = waiting{}, 20*time.Millisecond })
	wantError(t, b.do("POST", "/api/ci/pipelines/p/trigger", "", ""), http.StatusGatewayTimeout)
}
