package api

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
)

// requestIDHeader carries a request's ID: the client's, if it is well-formed, or one
// that is made here. It is in the answer and in every line of the log.
const requestIDHeader = "X-Request-Id"

// RequestCounter is told of each request. It is safe for concurrent use.
type RequestCounter interface {
	Began()
	// Ended is given the contract's pattern, empty for a route that there is not;
	// following says that the answer went on until somebody left.
	Ended(route, method string, status int, took time.Duration, sent int64, following bool)
}

// Observation are the parts that watch over the server. All may be left out.
type Observation struct {
	Requests RequestCounter
	// Tracer makes a span of each request but those of probes.
	Tracer core.Tracer
	// Metrics answers GET /metrics.
	Metrics http.Handler
	// Health answers what the parts are like; without it, only the store is asked.
	Health HealthChecker
	// QuietAccess writes the line of each request at the level debug instead of info.
	QuietAccess bool
}

func (o *Observation) complete() {
	if o.Requests == nil {
		o.Requests = uncounted{}
	}
	if o.Tracer == nil {
		o.Tracer = core.NoTracer{}
	}
}

type uncounted struct{}

func (uncounted) Began()                                                {}
func (uncounted) Ended(string, string, int, time.Duration, int64, bool) {}

// exchange is what comes to be known of a request while it is answered. One goroutine
// at a time uses it.
type exchange struct {
	id    string
	route string
	user  string
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	if x == nil {
		x = &exchange{} // nobody looks at it
	}
	return x
}

// noteUser says who makes the request of ctx.
func noteUser(ctx context.Context, name string) { exchangeOf(ctx).user = name }

// noteRoute, inside of the router, notes the pattern that matched.
func noteRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route := mux.CurrentRoute(r); route != nil {
			exchangeOf(r.Context()).route, _ = route.GetPathTemplate()
		}
		next.ServeHTTP(w, r)
	})
}

func routeOf(root *mux.Router, r *http.Request) (pattern string) {
	var match mux.RouteMatch
	if root.Match(r, &match) && match.Route != nil {
		pattern, _ = match.Route.GetPathTemplate()
	}
	return pattern
}

// log is the log of a request: its lines have the request's ID.
func (h *handlers) log(ctx context.Context) hclog.Logger {
	if id := core.RequestID(ctx); id != "" {
		return h.Logger.With("request_id", id)
	}
	return h.Logger
}

// observed gives each request its ID and its place in a trace, and tells of it when it
// is answered: a span, counters, a line in the log. It is outside of everything that
// can refuse a request.
func (h *handlers) observed(root *mux.Router, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		x := &exchange{id: r.Header.Get(requestIDHeader)}
		if !core.ValidRequestID(x.id) {
			x.id = uuid.NewString()
		}
		w.Header().Set(requestIDHeader, x.id)
		ctx := context.WithValue(core.WithRequestID(r.Context(), x.id), exchangeKey{}, x)
		ctx = core.WithTrace(ctx, core.ParseTraceContext(r.Header.Get("traceparent"), strings.Join(r.Header.Values("tracestate"), ",")))
		_, span := core.NoTracer{}.StartSpan(ctx, core.SpanStart{})
		if !isProbe(r.URL.Path) {
			ctx, span = h.Observe.Tracer.StartSpan(ctx, core.SpanStart{Name: r.Method, Kind: core.SpanServer})
		}
		seen := &seenWriter{ResponseWriter: w}
		h.Observe.Requests.Began()
		defer func() { // also when next panics
			took := time.Since(began)
			if x.route == "" && seen.status != http.StatusNotFound && seen.status != http.StatusMethodNotAllowed {
				x.route = routeOf(root, r) // it was refused before it came to the router
			}
			h.tell(r, x, seen, span, took)
		}()
		next.ServeHTTP(seen, r.WithContext(ctx))
	})
}

// tell says what became of a request. Neither the path, in which anybody may have
// written anything, nor the query, in which clients send tokens, is told: the pattern is.
func (h *handlers) tell(r *http.Request, x *exchange, seen *seenWriter, span core.Span, took time.Duration) {
	status := seen.status
	if status == 0 {
		status = http.StatusOK
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	h.Observe.Requests.Ended(x.route, r.Method, status, took, seen.sent, following(r, x.route, seen))
	span.Rename(strings.TrimSpace(r.Method + " " + x.route))
	span.Set(core.SpanAttribute{Name: "http.request.method", Value: r.Method}, core.SpanAttribute{Name: "http.route", Value: x.route},
		core.SpanAttribute{Name: "http.response.status_code", Value: int64(status)}, core.SpanAttribute{Name: "client.address", Value: address},
		core.SpanAttribute{Name: "patchbay.request.id", Value: x.id})
	if status >= http.StatusInternalServerError {
		span.Fail(http.StatusText(status))
	}
	span.End()
	level := hclog.Info
	if h.Observe.QuietAccess || (isProbe(r.URL.Path) && status < http.StatusBadRequest) {
		level = hclog.Debug
	}
	h.Logger.Log(level, "request", "method", r.Method, "route", x.route, "status", status, "bytes", seen.sent,
		"duration_ms", float64(took.Microseconds())/1000, "address", address, "user", x.user, "request_id", x.id)
}

// following reports whether an answer goes on until somebody leaves.
func following(r *http.Request, route string, seen *seenWriter) bool {
	return seen.status == http.StatusSwitchingProtocols || strings.HasPrefix(seen.Header().Get("Content-Type"), "text/event-stream") ||
		(strings.HasSuffix(route, "/logs") && r.URL.Query().Get("follow") == "true") || strings.HasSuffix(route, "/drain")
}
