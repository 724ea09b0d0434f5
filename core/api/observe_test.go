package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
)

// watcher keeps what the API says of its requests.
type watcher struct {
	mu    sync.Mutex
	lines bytes.Buffer
	ended []string
	spans map[string]*seenSpan
	told  chan struct{}
}

type seenSpan struct {
	parent     core.TraceContext
	name       string
	attributes map[string]any
	failed     string
	end        func(*seenSpan)
}

func (s *seenSpan) Rename(name string) { s.name = name }
func (s *seenSpan) Set(list ...core.SpanAttribute) {
	for _, a := range list {
		s.attributes[a.Name] = a.Value
	}
}
func (s *seenSpan) Fail(message string) { s.failed = message }
func (s *seenSpan) End()                { s.end(s) }
func (s *seenSpan) EndAt(time.Time)     { s.end(s) }

func (w *watcher) StartSpan(ctx context.Context, start core.SpanStart) (context.Context, core.Span) {
	parent := core.TraceOf(ctx)
	place := core.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{2}}
	if parent.Valid() {
		place.TraceID = parent.TraceID
	}
	return core.WithTrace(ctx, place), &seenSpan{parent: parent, name: start.Name, attributes: map[string]any{}, end: func(s *seenSpan) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.spans[s.name] = s
	}}
}

func (w *watcher) Began() {}

func (w *watcher) Ended(route, method string, status int, _ time.Duration, _ int64, following bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	word := "answered"
	if following {
		word = "followed"
	}
	w.ended = append(w.ended, strings.Join([]string{method, route, http.StatusText(status), word}, "|"))
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.lines.Write(p)
	if bytes.Contains(p, []byte(`"request"`)) {
		w.told <- struct{}{}
	}
	return n, err
}

// line waits for the access line of a request and returns it.
func (w *watcher) line(t *testing.T) map[string]any {
	t.Helper()
	<-w.told
	w.mu.Lock()
	defer w.mu.Unlock()
	var last map[string]any
	for line := range strings.Lines(w.lines.String()) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if one["@message"] == "request" {
			last = one
		}
	}
	return last
}

func newWatched(t *testing.T) (*bench, *watcher) {
	w := &watcher{spans: map[string]*seenSpan{}, told: make(chan struct{}, 100)}
	return newBench(t, func(h *handlers) {
		h.Logger = hclog.New(&hclog.LoggerOptions{Output: w, JSONFormat: true, Level: hclog.Debug})
		h.Observe.Requests, h.Observe.Tracer = w, w
	}), w
}

func TestEachRequestIsToldOf(t *testing.T) {
	t.Parallel()
	b, w := newWatched(t)
	b.engine = func(context.Context, string, string) error { return errors.New("the disk is gone") }
	id := b.trigger(b.create())
	<-w.told
	<-w.told
	for _, test := range []struct {
		name, method, path, token string
		want                      string // method, route, status, what was sent
		user                      string
	}{
		{"answered", "GET", "/api/ci/executions/" + id + "?token=hidden", token, "GET|/api/ci/executions/{id}|OK|answered", "admin"},
		{"refused", "GET", "/api/ci/executions/" + id, "wrong", "GET|/api/ci/executions/{id}|Unauthorized|answered", ""},
		{"no route", "GET", "/api/made/up/secret", token, "GET||Not Found|answered", ""},
		{"no method", "PATCH", "/api/queue", token, "PATCH||Method Not Allowed|answered", ""},
		{"failed", "DELETE", "/api/ci/executions/" + id + "/cancel", token, "DELETE|/api/ci/executions/{id}/cancel|Internal Server Error|answered", "admin"},
		{"probe", "GET", "/livez", "", "GET|/api/livez|OK|answered", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, b.server.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+test.token)
			request.Header.Set("X-Request-Id", "mine-"+test.name[:2])
			request.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			a := b.send(request)
			line := w.line(t)
			if got := w.ended[len(w.ended)-1]; got != test.want {
				t.Errorf("counted %q, want %q", got, test.want)
			}
			route := strings.Split(test.want, "|")[1]
			if a.header.Get("X-Request-Id") != "mine-"+test.name[:2] || line["request_id"] != "mine-"+test.name[:2] || line["user"] != test.user ||
				line["route"] != route || line["status"] != float64(a.status) || line["bytes"] == float64(0) || line["address"] != "127.0.0.1" {
				t.Errorf("%v of %+v", line, a)
			}
			span := w.spans[strings.TrimSpace(test.method+" "+route)]
			if probe := test.name == "probe"; probe != (span == nil) || !probe && (span.parent.Traceparent()[3:] != request.Header.Get("traceparent")[3:] ||
				(span.failed != "") != (a.status >= 500) || span.attributes["http.response.status_code"] != int64(a.status)) {
				t.Errorf("%+v", span)
			}
		})
	}
	said := w.lines.String()
	for _, hidden := range []string{"hidden", "made/up", token, "wrong"} {
		if strings.Contains(said, hidden) {
			t.Errorf("%q is in the log:\n%s", hidden, said)
		}
	}
	if !strings.Contains(said, "the disk is gone") {
		t.Errorf("no reason in the log:\n%s", said)
	}
	for line := range strings.Lines(said) {
		if strings.Contains(line, "the disk is gone") && !strings.Contains(line, `"request_id":"mine-fa"`) {
			t.Errorf("whose line is this? %s", line)
		}
	}
}

// What cannot be a request ID is replaced; what a client makes up does no harm.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := map[string]bool{}
	for _, id := range []string{"", "two words", "<script>", strings.Repeat("a", 129)} {
		request, err := http.NewRequestWithContext(t.Context(), "GET", b.server.URL+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Request-Id", id)
		got := b.send(request).header.Get("X-Request-Id")
		if !core.ValidRequestID(got) || got == id || seen[got] {
			t.Errorf("%q for %q", got, id)
		}
		seen[got] = true
	}
}

// The trigger is made inside of the request's span, and the execution remembers it.
func TestTriggerRemembersItsTrace(t *testing.T) {
	t.Parallel()
	b, _ := newWatched(t)
	e, err := b.store.Execution(t.Context(), b.trigger(b.create()))
	if err != nil {
		t.Fatal(err)
	}
	if want := (core.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{2}}).Traceparent(); e.Traceparent != want {
		t.Errorf("%q, want %q", e.Traceparent, want)
	}
}

func TestFollowersAreToldApart(t *testing.T) {
	t.Parallel()
	b, w := newWatched(t)
	id := b.trigger(b.create())
	log, err := b.logs.OpenLog(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.Seal(), log.Close()); err != nil {
		t.Fatal(err)
	}
	<-w.told
	<-w.told
	for _, test := range []struct{ path, want string }{
		{"/logs?follow=true", "/logs|OK|followed"}, {"/events", "/events|OK|followed"}, {"/logs", "/logs|OK|answered"}, {"", "|OK|answered"},
	} {
		b.do("GET", "/api/ci/executions/"+id+test.path, "", "")
		<-w.told
		if got := w.ended[len(w.ended)-1]; got != "GET|/api/ci/executions/{id}"+test.want {
			t.Errorf("%q: %s", test.path, got)
		}
	}
}
