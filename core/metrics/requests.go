package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Requests counts what the HTTP API answers.
type Requests struct {
	inFlight prometheus.Gauge
	total    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
}

// requestBuckets go from a read of the embedded store to the longest answer.
var requestBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}

// Requests counts the requests of a server; call it once.
func (m *Metrics) Requests() *Requests {
	return &Requests{
		inFlight: m.gauges("http_requests_in_flight", "Requests that are being answered, followers of logs among them.").WithLabelValues(),
		total:    m.counters("http_requests_total", "Requests that were answered, by route of the contract, method and status.", "route", "method", "status"),
		seconds: m.histograms("http_request_duration_seconds", "How long answers took, by route of the contract and method; without those that go on until somebody leaves.",
			requestBuckets, "route", "method"),
		bytes: m.counters("http_response_bytes_total", "Bytes of answers, by route of the contract.", "route"),
	}
}

// Began counts a request that begins.
func (r *Requests) Began() { r.inFlight.Inc() }

// Ended counts a request that was answered. The route is the contract's pattern, or
// empty for one that there is not; following says that the answer went on until
// somebody left.
func (r *Requests) Ended(route, method string, status int, took time.Duration, sent int64, following bool) {
	r.inFlight.Dec()
	if route == "" {
		route = "none"
	}
	method = knownMethod(method)
	r.total.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	r.bytes.WithLabelValues(route).Add(float64(sent))
	if !following {
		r.seconds.WithLabelValues(route, method).Observe(took.Seconds())
	}
}

// knownMethod bounds the methods: a client may send any word as one.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	}
	return "other"
}
