package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api"
	"github.com/patchbay-ci/patchbay/core/config"
	"github.com/patchbay-ci/patchbay/core/health"
	"github.com/patchbay-ci/patchbay/core/metrics"
	"github.com/patchbay-ci/patchbay/core/tracing"
)

// serverLogger writes a server's log to standard error.
func (a *app) serverLogger(settings config.Server) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "patchbay", Level: hclog.LevelFromString(settings.LogLevel), Output: a.stderr,
		JSONFormat: settings.LogFormat == "json"})
}

// watch is what watches over a node: it is made before the node's parts, so that they
// can be measured, and asks them once they are there.
type watch struct {
	metrics *metrics.Metrics
	runs    *metrics.Runs
	tracer  core.Tracer
	health  *health.Checker
	quiet   bool
	// stopTracing sends the spans that wait.
	stopTracing func(context.Context) error
}

// traceFlush is how long the last spans may take to be sent.
const traceFlush = 3 * time.Second

func (a *app) newWatch(ctx context.Context, settings config.Server, log hclog.Logger) (*watch, error) {
	w := &watch{metrics: metrics.New(version), tracer: core.NoTracer{}, quiet: settings.QuietAccessLog,
		stopTracing: func(context.Context) error { return nil }}
	w.runs = w.metrics.Runs()
	endpoint, on := a.traceEndpoint(settings)
	if !on {
		return w, nil
	}
	protocol := a.getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = a.getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	provider, err := tracing.New(ctx, tracing.Options{Endpoint: endpoint, Protocol: protocol, Version: version, Logger: log.Named("tracing")})
	if err != nil {
		return nil, err
	}
	w.tracer, w.stopTracing = provider, provider.Close
	return w, nil
}

// traceEndpoint says whether traces are sent; an empty endpoint is that of the
// standard variables.
func (a *app) traceEndpoint(settings config.Server) (endpoint string, on bool) {
	switch {
	case a.getenv("OTEL_SDK_DISABLED") == "true", a.getenv("OTEL_TRACES_EXPORTER") == "none":
		return "", false
	case a.getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "", a.getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "":
		return "", true
	}
	return settings.OTLPEndpoint, settings.OTLPEndpoint != ""
}

// attach has the parts of a node asked.
func (w *watch) attach(n *node, data string) {
	w.metrics.Queue(n.engine.Load)
	w.metrics.Connectors(n.host.Processes)
	w.health = health.New(health.Store(n.store.Ping), health.Queue(n.engine.Load), health.Connectors(n.host), health.Disk(data), health.Memory())
}

// observation is what the API needs of it.
func (w *watch) observation(log hclog.Logger) api.Observation {
	return api.Observation{Requests: w.metrics.Requests(), Tracer: w.tracer, Metrics: w.metrics.Handler(log), Health: w.health, QuietAccess: w.quiet}
}

func (w *watch) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), traceFlush)
	defer cancel()
	return w.stopTracing(ctx)
}

// listenAside opens the addresses that are not for everybody: metrics, and profiles.
// The probes that the first one has, too, are those of the main address.
func (w *watch) listenAside(settings config.Server, probes http.Handler, log hclog.Logger) (stop func(), err error) {
	var servers []*http.Server
	stop = func() {
		for _, server := range servers {
			_ = server.Close()
		}
	}
	open := func(what, address string, handler http.Handler) {
		if address == "" || err != nil {
			return
		}
		var listener net.Listener
		if listener, err = net.Listen("tcp", address); err != nil {
			return
		}
		server := api.NewServer(address, handler)
		servers = append(servers, server)
		log.Info("listening", "for", what, "address", listener.Addr().String())
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				log.Error("a server ended", "for", what, "error", err)
			}
		}()
	}
	public := http.NewServeMux()
	public.Handle("GET /metrics", w.metrics.Handler(log))
	public.Handle("GET /livez", probes)
	public.Handle("GET /readyz", probes)
	open("metrics", settings.MetricsListen, public)
	open("profiles", settings.DebugListen, profiles())
	if err != nil {
		stop()
	}
	return stop, err
}

// profiles are Go's own pages about a running program.
func profiles() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("/debug/pprof/", pprof.Index)
	pages.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	pages.HandleFunc("/debug/pprof/profile", pprof.Profile)
	pages.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	pages.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return localOnly(pages)
}

// localOnly refuses requests by a name: a page in a browser on this machine could have
// its own name lead here, and read what is answered.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "ask for it by a loopback address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
