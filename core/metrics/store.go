package metrics

//go:generate go run ../../scripts/timedstore metrics store.gen.go

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/patchbay-ci/patchbay/core"
)

// storeBuckets are of an embedded store, whose reads take microseconds, and of one
// behind a network.
var storeBuckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}

// timedStore is a core.Store whose operations are measured; the methods are generated.
type timedStore struct {
	core.Store
	seconds *prometheus.HistogramVec
	errors  *prometheus.CounterVec
}

// Store measures the operations of a store.
func (m *Metrics) Store(store core.Store) core.Store {
	return &timedStore{Store: store,
		seconds: m.histograms("store_operation_seconds", "How long the store took, by operation.", storeBuckets, "operation"),
		errors:  m.counters("store_errors_total", "Operations of the store that failed; what was not found or came too late has not.", "operation")}
}

func (s *timedStore) done(operation string, began time.Time, err error) {
	s.seconds.WithLabelValues(operation).Observe(time.Since(began).Seconds())
	failures := s.errors.WithLabelValues(operation) // also 0, so that the first is seen as a rise
	switch core.CodeOf(err) {
	case "", core.CodeNotFound, core.CodeConflict, core.CodeInvalid:
	default:
		failures.Inc()
	}
}
