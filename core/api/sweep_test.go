package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api/contract"
	"github.com/patchbay-ci/patchbay/core/idempotency"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/trigger"
)

// full gives a server every part that it can have.
func full(t *testing.T) func(h *handlers) {
	return func(h *handlers) {
		store := h.Store.(*memory.Store)
		keys, err := idempotency.New(store, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		h.Keys, h.Uploads = keys, t.TempDir()
		h.Artifacts, h.Secrets, h.Queue = &shelf{}, safe{}, &line{}
		h.Notifications, h.Services = untold{}, &deployed{store: store}
		h.Observe.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/plain") })
		h.Retry, h.Approve = trigger.New(store, func(*core.Execution) {}), &doors{}
		h.Webhooks, h.Deliveries, h.Logins = quietHooks{}, store, quietLogins{}
		h.Schedules = func(context.Context) ([]core.ScheduleState, error) { return []core.ScheduleState{}, nil }
	}
}

// pathOf fills in the parameters of an operation's path.
func pathOf(o *contract.Operation, value func(p *contract.Parameter) string) string {
	path := "/api" + o.Path
	for _, p := range o.Parameters {
		if p.In == "path" {
			path = strings.Replace(path, "{"+p.Name+"}", value(p), 1)
		}
	}
	return path
}

func nobodys(p *contract.Parameter) string {
	if p.Name == "number" {
		return "1"
	}
	return "none"
}

// sweep calls fn for every operation of the contract, with a path to nothing.
func (b *bench) sweep(t *testing.T, fn func(t *testing.T, o *contract.Operation, path string)) {
	c, err := contract.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range c.Operations {
		t.Run(o.ID, func(t *testing.T) { fn(t, o, pathOf(o, nobodys)) })
	}
}

// wantError checks that an answer is an error of a status, in its shape.
func wantError(t *testing.T, a answer, status int) {
	t.Helper()
	e := decoded[Error](t, a)
	if a.status != status || e.Status != status || e.Message == "" || e.Suggestions == nil || e.Timestamp.IsZero() {
		t.Errorf("%d, want %d: %s", a.status, status, a.body)
	}
}

func TestEveryOperationRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, full(t))
	huge := strings.Repeat("x", maxJSON+maxEnvelope+1)
	b.sweep(t, func(t *testing.T, o *contract.Operation, path string) {
		if !o.AnyQuery {
			wantError(t, b.do(o.Method, path+"?no_such_parameter=1", "", ""), http.StatusBadRequest)
		}
		if !o.Open {
			request, err := http.NewRequestWithContext(t.Context(), o.Method, b.server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, b.send(request), http.StatusUnauthorized)
		}
		if o.Body == nil {
			return
		}
		wantError(t, b.do(o.Method, path, "image/png", "x"), http.StatusUnsupportedMediaType)
		if o.Open && o.Takes("path", "connector") || o.ID == "receivePipelineWebhook" {
			return // 25 MiB are taken there; the end-to-end tests send more
		}
		kind, body := preferred(o.Body.Types()), `{"a":"`+huge
		if kind == "multipart/form-data" {
			kind, body = kind+"; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.yaml\"\r\n\r\n"+huge+"\r\n--b--\r\n"
		}
		wantError(t, b.do(o.Method, path, kind, body), http.StatusRequestEntityTooLarge)
	})
}

// unfailing operations have nothing behind them that can fail.
var unfailing = map[string]bool{"getHealth": true, "getContract": true, "getDocs": true, "getDocsAsset": true, "getQueue": true, "getLive": true, "getReady": true, "getMetrics": true, "listConnectors": true,
	"getMe": true, "listLogins": true, "logout": true, "logoutByGet": true}

// Whatever goes wrong inside, and wherever, its text stays there.
func TestFailuresInside(t *testing.T) {
	t.Parallel()
	const secret = "dial tcp 10.0.0.7: password of /etc/shadow"
	for name, test := range map[string]struct {
		err    error
		status int
	}{
		"of no kind":  {errors.New(secret), http.StatusInternalServerError},
		"unavailable": {&core.Error{Code: core.CodeUnavailable, Message: "not now", Err: errors.New(secret)}, http.StatusServiceUnavailable},
		"external":    {&core.Error{Code: core.CodeExternal, Message: "it did not answer", Err: errors.New(secret)}, http.StatusBadGateway},
		"too slow":    {fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), http.StatusGatewayTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, full(t), broken(test.err))
			b.engine = func(context.Context, string, string) error { return test.err }
			b.sweep(t, func(t *testing.T, o *contract.Operation, path string) {
				if unfailing[o.ID] {
					return
				}
				kind, body := exampleOf(o)
				if o.ID == "streamExecution" {
					return // refused before anything is asked; websocket_test has the rest
				}
				a := b.do(o.Method, path, kind, body)
				wantError(t, a, test.status)
				if strings.Contains(a.body, "10.0.0.7") || strings.Contains(a.body, "shadow") {
					t.Errorf("tells what is inside: %s", a.body)
				}
			})
		})
	}
}

// exampleOf is a body that an operation takes.
func exampleOf(o *contract.Operation) (kind, body string) {
	switch {
	case o.Body == nil:
		return "", ""
	case o.Body.TakesMedia("application/yaml"):
		return yamlKey, hello
	case o.Body.TakesMedia("multipart/form-data"):
		return "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.yaml\"\r\n\r\n" + hello + "\r\n--b--\r\n"
	case o.ID == "retryExecution":
		return jsonKey, "{}"
	}
	return jsonKey, string(o.Body.Content["application/json"].Example)
}

// broken makes every part fail.
func broken(err error) func(h *handlers) {
	return func(h *handlers) {
		f := failing{err: err}
		h.Store, h.Trigger, h.Retry, h.Approve, h.Artifacts, h.Secrets, h.Queue, h.Catalog = failingStore{h.Store, f}, f, f, f, failingShelf{h.Artifacts, f}, f, f, f
		h.Services = &deployed{err: err}
		h.Notifications, h.Webhooks, h.Logins = f, quietHooks{err}, quietLogins{err}
		h.Accounts, h.Audit, h.Deliveries = failingAccounts{h.Accounts, err}, failingAudit{h.Audit, err}, failingDeliveries{h.Deliveries, err}
		h.Schedules = func(context.Context) ([]core.ScheduleState, error) { return nil, err }
	}
}
