package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/patchbay-ci/patchbay/core"
)

// Runs counts executions and steps. It is an observer of the engine.
type Runs struct {
	executions, steps     *prometheus.CounterVec
	executionTime         *prometheus.HistogramVec
	stepTime              *prometheus.HistogramVec
	running, stepsRunning *prometheus.GaugeVec
	wait                  prometheus.Observer
	retries               *prometheus.CounterVec
	connectors            names

	mu sync.Mutex
	// begun are the executions that run, with the connectors of their steps that do.
	begun map[string]map[int]string
	since time.Time
}

// runBuckets go from a step that does nothing to a night's build, in seconds.
var runBuckets = []float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}

// waitBuckets go from at once to a queue that is paused for a day, in seconds.
var waitBuckets = []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30, 60, 300, 1800, 3600, 24 * 3600}

// Runs counts what an engine runs; call it once.
func (m *Metrics) Runs() *Runs {
	r := &Runs{begun: map[string]map[int]string{}, since: time.Now(),
		executions:    m.counters("executions_total", "Executions that have ended, by how.", "status"),
		steps:         m.counters("steps_total", "Steps that have ended, by how and by connector.", "connector", "status"),
		retries:       m.counters("step_retries_total", "Attempts at steps beyond their first.", "connector"),
		executionTime: m.histograms("execution_duration_seconds", "From start to end of executions, by how they ended.", runBuckets, "status"),
		stepTime:      m.histograms("step_duration_seconds", "From start to end of steps, by connector.", runBuckets, "connector"),
		running:       m.gauges("executions_running", "Executions that have begun and not ended, those that wait for somebody among them."),
		stepsRunning:  m.gauges("steps_running", "Steps that have begun and not ended, by connector.", "connector"),
		wait: m.histograms("queue_wait_seconds", "How long executions waited from their trigger to their start.", waitBuckets).
			WithLabelValues(),
	}
	for _, status := range core.Statuses() { // so that the first failure is seen as a rise
		if status.Terminal() && status != core.StatusSkipped {
			r.executions.WithLabelValues(string(status))
		}
	}
	r.running.WithLabelValues()
	return r
}

// ExecutionChanged implements engine.Observer.
func (r *Runs) ExecutionChanged(e *core.Execution) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Status.Terminal() {
		r.end(e)
		return
	}
	_, known := r.begun[e.ID]
	r.begin(e.ID)
	if !known && e.StartedAt != nil && e.StartedAt.After(r.since) { // and not before a restart
		r.wait.Observe(e.StartedAt.Sub(e.CreatedAt).Seconds())
	}
}

// begin counts an execution as running; also one from before a restart, of which a
// step is heard first. The caller holds mu.
func (r *Runs) begin(id string) map[int]string {
	steps, known := r.begun[id]
	if !known {
		steps = map[int]string{}
		r.begun[id] = steps
		r.running.WithLabelValues().Inc()
	}
	return steps
}

// end counts an execution that has ended. The caller holds mu.
func (r *Runs) end(e *core.Execution) {
	if steps, known := r.begun[e.ID]; known {
		for _, connector := range steps {
			r.stepsRunning.WithLabelValues(connector).Dec()
		}
		delete(r.begun, e.ID)
		r.running.WithLabelValues().Dec()
	}
	r.executions.WithLabelValues(string(e.Status)).Inc()
	if e.StartedAt != nil && e.FinishedAt != nil {
		r.executionTime.WithLabelValues(string(e.Status)).Observe(e.FinishedAt.Sub(*e.StartedAt).Seconds())
	}
}

// StepChanged implements engine.Observer.
func (r *Runs) StepChanged(s *core.StepRun) {
	connector := r.connectors.of(s.Connector)
	r.mu.Lock()
	defer r.mu.Unlock()
	steps := r.begin(s.ExecutionID)
	_, running := steps[s.Index]
	switch {
	case s.Status == core.StatusRunning && !running:
		steps[s.Index] = connector
		r.stepsRunning.WithLabelValues(connector).Inc()
	case s.Status.Terminal():
		if running {
			delete(steps, s.Index)
			r.stepsRunning.WithLabelValues(connector).Dec()
		}
		r.steps.WithLabelValues(connector, string(s.Status)).Inc()
		r.retries.WithLabelValues(connector).Add(float64(max(0, len(s.Attempts)-1)))
		if s.StartedAt != nil && s.FinishedAt != nil {
			r.stepTime.WithLabelValues(connector).Observe(s.FinishedAt.Sub(*s.StartedAt).Seconds())
		}
	}
}

// StepProgress implements engine.Observer.
func (r *Runs) StepProgress(*core.StepRun, string, int) {}
