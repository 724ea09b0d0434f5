// Package metrics counts and measures what a server does, for Prometheus. Nothing is
// registered by importing it: a Metrics has a registry of its own, so two servers in
// one process do not meet.
//
// The number of time series is bounded: labels are routes of the contract (never
// paths), statuses, operations of the store, and names of connectors, of which there
// are at most maxConnectors.
package metrics

import (
	"net/http"
	"runtime"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace is what the names of all metrics of ours begin with.
const namespace = "patchbay"

// Metrics is what one server counts. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
}

// New makes the metrics of a server of some version.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.gauges("build_info", "The version that runs; the value is always 1.", "version", "go_version").
		WithLabelValues(version, runtime.Version()).Set(1)
	return m
}

// Bounds of a scrape.
const (
	maxScrapes    = 4
	scrapeTimeout = 10 * time.Second
)

// Handler answers a scrape, in the format that the client prefers. Few go on at once;
// those too many are refused with 503.
func (m *Metrics) Handler(log hclog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn}),
		ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
		// Compression is the server's business, not of each handler.
		DisableCompression: true})
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// described is the description of a metric that is read when it is asked for.
func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}
