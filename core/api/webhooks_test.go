package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/patchbay-ci/patchbay/core"
)

// hooks is a core.Webhooks that answers as it is told.
type hooks struct {
	core.Webhooks
	receive func(in core.IncomingDelivery) (*core.Delivery, bool, error)
}

func (h hooks) Receive(_ context.Context, in core.IncomingDelivery) (*core.Delivery, bool, error) {
	return h.receive(in)
}

// TestDeliveries: what a sender is answered, without a token.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	done := func(status core.DeliveryStatus, executions ...string) *core.Delivery {
		d := &core.Delivery{ID: "d1", Status: status, Reason: "the reason"}
		for _, e := range executions {
			d.Targets = append(d.Targets, core.DeliveryTarget{PipelineID: "p", ExecutionID: e})
		}
		return d
	}
	for name, c := range map[string]struct {
		path, kind string
		delivery   *core.Delivery
		again      bool
		err        error
		code       int
		want       string
	}{
		"one":         {"/api/ci/pipelines/p/webhook", "application/json", done(core.DeliveryTriggered, "e1"), false, nil, 202, `"execution_id":"e1"`},
		"several":     {"/api/webhooks/github", "application/json; charset=utf-8", done(core.DeliveryTriggered, "e1", "e2"), false, nil, 202, "2 pipelines will run"},
		"of others":   {"/api/ci/pipelines/q/webhook", "application/json", done(core.DeliveryTriggered, "e1"), false, nil, 202, `"execution_ids":[]`},
		"again":       {"/api/webhooks/github", "application/json", done(core.DeliveryTriggered, "e1"), true, nil, 202, "came before"},
		"nothing":     {"/api/webhooks/github", "application/x-www-form-urlencoded", done(core.DeliveryIgnored), false, nil, 202, "nothing is started: the reason"},
		"later":       {"/api/webhooks/github", "application/json", done(core.DeliveryReceived, "e1"), false, nil, 202, `"status":"received"`},
		"refused":     {"/api/webhooks/github", "application/json", nil, false, core.Errorf(core.CodeUnauthenticated, "no"), 401, "AuthenticationError"},
		"away":        {"/api/webhooks/github", "application/json", nil, false, core.Errorf(core.CodeUnavailable, "no"), 503, "InternalError"},
		"broken":      {"/api/webhooks/github", "application/json", nil, false, errors.New("the password is x"), 500, "the server could not do this"},
		"text":        {"/api/webhooks/github", "text/plain", nil, false, nil, 415, "send application/json"},
		"no type":     {"/api/webhooks/github", "", nil, false, nil, 415, "send application/json"},
		"multipart":   {"/api/webhooks/github", "multipart/form-data; boundary=x", nil, false, nil, 415, "send application/json"},
		"not a route": {"/api/webhooks/github/x", "application/json", nil, false, nil, 404, "ValidationError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(h *handlers) {
				h.Webhooks = hooks{receive: func(in core.IncomingDelivery) (*core.Delivery, bool, error) {
					if string(in.Body) != "{}" || in.Headers["x-some-header"] != "a" {
						t.Errorf("%+v", in)
					}
					return c.delivery, c.again, c.err
				}}
			})
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.URL+c.path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", c.kind)
			request.Header["X-Some-Header"] = []string{"a", "b"}
			a := b.send(request)
			if a.status != c.code || !strings.Contains(a.body, c.want) || (a.header.Get("Retry-After") != "") != (c.code == 503) || strings.Contains(a.body, "password") {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

// TestBudget: bodies of any size come whole; memory is taken as they arrive, given back,
// and never more than there is.
func TestBudget(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	b := budget{free: 3 << 20}
	for _, size := range []int{0, 1, 8 << 10, freeBody, freeBody + 1, most - 1, most} {
		body, done, err := b.read(iotest.HalfReader(bytes.NewReader(make([]byte, size))), most)
		if err != nil || len(body) != size {
			t.Errorf("%d bytes: %d, %v", size, len(body), err)
			continue
		}
		if (b.free < 3<<20) != (size >= freeBody) {
			t.Errorf("%d bytes take %d", size, 3<<20-b.free)
		}
		done()
	}
	for name, r := range map[string]io.Reader{"too large": bytes.NewReader(make([]byte, most+1)), "broken": iotest.TimeoutReader(bytes.NewReader(make([]byte, most)))} {
		if _, _, err := b.read(r, most); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range 20 {
		group.Go(func() {
			body, done, err := b.read(bytes.NewReader(make([]byte, most)), most)
			if err != nil {
				mu.Lock()
				refused++
				mu.Unlock()
				if core.CodeOf(err) != core.CodeUnavailable {
					t.Error(err)
				}
				return
			}
			if _, small, err := b.read(strings.NewReader("{}"), most); err != nil {
				t.Error("a small one is refused beside large ones")
			} else {
				small()
			}
			_ = body
			done()
		})
	}
	group.Wait()
	if b.free != 3<<20 {
		t.Errorf("%d is free in the end; %d were refused", b.free, refused)
	}
}
