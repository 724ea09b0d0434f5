package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/idempotency"
	"github.com/patchbay-ci/patchbay/core/trigger"
)

// keyedPost sends a body under a key.
func (b *bench) keyedPost(path, key, kind, body string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), "POST", b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Idempotency-Key", key)
	request.Header.Set("Content-Type", kind)
	return b.send(request)
}

func TestKeysMakeOneOfMany(t *testing.T) {
	t.Parallel()
	b := newBench(t, full(t))
	id := b.create()
	path := "/api/ci/pipelines/" + id + "/trigger"
	first := b.keyedPost(path, "k", jsonKey, `{"branch":"main","environment":{"B":"2","A":"1"}}`)
	again := b.keyedPost(path, "k", jsonKey, ` {"environment": {"A":"1", "B":"2"}, "branch":"main"}`)
	if first.status != 202 || again.status != 202 || first.body != again.body || first.header.Get("Location") != again.header.Get("Location") {
		t.Errorf("%+v\n%+v", first, again)
	}
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%v\n%v", first.header, again.header)
	}
	wantError(t, b.keyedPost(path, "k", jsonKey, `{"branch":"other"}`), http.StatusUnprocessableEntity)
	if other := b.keyedPost(path, "k2", jsonKey, `{"branch":"main"}`); other.body == first.body {
		t.Errorf("another key: %+v", other)
	}
	made := b.keyedPost("/api/ci/pipelines", "k", yamlKey, hello) // a key is one operation's
	if again := b.keyedPost("/api/ci/pipelines", "k", yamlKey, hello); made.status != 201 || made.body != again.body || again.header.Get("ETag") != `"1"` {
		t.Errorf("%+v\n%+v", made, again)
	}
	list := decoded[[]Execution](t, b.do("GET", "/api/ci/executions", "", ""))
	if len(list) != 2 {
		t.Errorf("%d executions", len(list))
	}
	wantError(t, b.keyedPost(path, strings.Repeat("k", 256), jsonKey, `{}`), http.StatusBadRequest)
	wantError(t, b.keyedPost(path, "a b", jsonKey, `{}`), http.StatusBadRequest)
}

// What was refused is not remembered.
func TestKeysOfErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t, full(t))
	wantError(t, b.keyedPost("/api/ci/pipelines", "k", yamlKey, "name: ["), http.StatusBadRequest)
	if a := b.keyedPost("/api/ci/pipelines", "k", yamlKey, hello); a.status != http.StatusCreated {
		t.Errorf("%+v", a)
	}
}

// slowDoor triggers when it is told to.
type slowDoor struct {
	core.Triggerer
	entered, open chan struct{}
	err           error
	calls         atomic.Int32
}

func (d *slowDoor) Trigger(ctx context.Context, request core.TriggerRequest) (*core.Execution, error) {
	if d.calls.Add(1) == 1 && d.entered != nil {
		close(d.entered)
		<-d.open
	}
	e, err := d.Triggerer.Trigger(ctx, request)
	if err == nil && d.calls.Load() == 1 && d.err != nil {
		return nil, d.err
	}
	return e, err
}

func TestKeyInUse(t *testing.T) {
	t.Parallel()
	d := &slowDoor{entered: make(chan struct{}), open: make(chan struct{})}
	b := newBench(t, full(t), func(h *handlers) { d.Triggerer, h.Trigger = h.Trigger, d })
	path := "/api/ci/pipelines/" + b.create() + "/trigger"
	first := make(chan answer)
	go func() { first <- b.keyedPost(path, "k", jsonKey, `{}`) }()
	<-d.entered
	wantError(t, b.keyedPost(path, "k", jsonKey, `{}`), http.StatusConflict)
	close(d.open)
	a := <-first
	if again := b.keyedPost(path, "k", jsonKey, `{}`); again.body != a.body || d.calls.Load() != 1 {
		t.Errorf("%+v\n%+v, %d calls", a, again, d.calls.Load())
	}
}

// A trigger that failed behind what it stored is not repeated, but found.
func TestKeyAfterAFailure(t *testing.T) {
	t.Parallel()
	d := &slowDoor{err: errors.New("the disk is full")}
	b := newBench(t, full(t), func(h *handlers) { d.Triggerer, h.Trigger = h.Trigger, d })
	path := "/api/ci/pipelines/" + b.create() + "/trigger"
	wantError(t, b.keyedPost(path, "k", jsonKey, `{}`), http.StatusInternalServerError)
	a := b.keyedPost(path, "k", jsonKey, `{}`)
	list := decoded[[]Execution](t, b.do("GET", "/api/ci/executions", "", ""))
	if a.status != http.StatusAccepted || len(list) != 1 || list[0].Id != decoded[Accepted](t, a).ExecutionId || d.calls.Load() != 1 {
		t.Errorf("%+v: %d executions, %d calls", a, len(list), d.calls.Load())
	}
}

// What a process that was killed had stored, and not answered, is answered by the next.
func TestKeyAfterACrash(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]bool{"before it was stored": false, "after it was stored": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, full(t))
			pipeline := b.create()
			path := "/api/ci/pipelines/" + pipeline + "/trigger"
			before, err := idempotency.New(b.store, hclog.NewNullLogger())
			if err != nil {
				t.Fatal(err)
			}
			work, err := before.Begin(t.Context(), idempotency.Request{Who: "admin", Operation: "triggerPipeline", Key: "k",
				Content: append([]byte(path+"\x00"), contentOf(TriggerRequest{})...)})
			if err != nil {
				t.Fatal(err)
			}
			if made {
				if _, err := trigger.New(b.store, func(*core.Execution) {}).Trigger(t.Context(), core.TriggerRequest{ExecutionID: work.TargetID, PipelineID: pipeline}); err != nil {
					t.Fatal(err)
				}
			}
			a := b.keyedPost(path, "k", jsonKey, `{}`)
			again := b.keyedPost(path, "k", jsonKey, `{}`)
			list := decoded[[]Execution](t, b.do("GET", "/api/ci/executions", "", ""))
			if a.status != http.StatusAccepted || a.body != again.body || len(list) != 1 || (list[0].Id == work.TargetID) != made {
				t.Errorf("%+v\n%+v\n%d executions", a, again, len(list))
			}
		})
	}
}
