package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/logs"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/store/storetest"
)

// scraped is the text of a scrape.
func scraped(t *testing.T, m *Metrics) string {
	t.Helper()
	server := httptest.NewServer(m.Handler(hclog.NewNullLogger()))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d: %v", response.StatusCode, err)
	}
	return string(body)
}

func want(t *testing.T, m *Metrics, lines ...string) {
	t.Helper()
	text := scraped(t, m)
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

func TestTwoServersDoNotMeet(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1", "2"} {
		m := New(version)
		m.Requests().Began()
		want(t, m, "patchbay_http_requests_in_flight 1")
		if text := scraped(t, m); !strings.Contains(text, `version="`+version+`"} 1`) || !strings.Contains(text, "process_open_fds") {
			t.Errorf("%s", text)
		}
	}
}

// However many names and words others make up, the number of series is bounded.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	m := New("1")
	requests, runs := m.Requests(), m.Runs()
	for i := range 10 * maxConnectors {
		requests.Began()
		requests.Ended("", fmt.Sprintf("METHOD%d", i), 404, time.Millisecond, 1, false)
		runs.StepChanged(&core.StepRun{ExecutionID: "e", Index: i, Connector: fmt.Sprintf("c%d", i), Status: core.StatusRunning})
	}
	want(t, m, `patchbay_http_requests_total{method="other",route="none",status="404"} 1000`,
		fmt.Sprintf(`patchbay_steps_running{connector="other"} %d`, 9*maxConnectors))
	if lines := strings.Count(scraped(t, m), "\n"); lines > 1000 {
		t.Errorf("%d lines", lines)
	}
}

func TestRunsAreCounted(t *testing.T) {
	t.Parallel()
	m := New("1")
	runs := m.Runs()
	created := time.Now()
	started, ended := created.Add(2*time.Second), created.Add(5*time.Second)
	e := &core.Execution{ID: "e", Status: core.StatusRunning, CreatedAt: created, StartedAt: &started}
	runs.ExecutionChanged(e)
	e.CancelRequested = "somebody"
	runs.ExecutionChanged(e) // another change is not another start
	step := &core.StepRun{ExecutionID: "e", Connector: "shell", Status: core.StatusRunning, StartedAt: &started}
	runs.StepChanged(step)
	runs.StepChanged(step)
	other := &core.StepRun{ExecutionID: "e", Index: 1, Connector: "", Status: core.StatusSkipped}
	runs.StepChanged(other)
	want(t, m, "patchbay_executions_running 1", `patchbay_steps_running{connector="shell"} 1`, "patchbay_queue_wait_seconds_sum 2", "patchbay_queue_wait_seconds_count 1")
	step.Status, step.FinishedAt, step.Attempts = core.StatusFailed, &ended, make([]core.Attempt, 3)
	runs.StepChanged(step)
	e.Status, e.FinishedAt = core.StatusFailed, &ended
	runs.ExecutionChanged(e)
	want(t, m, "patchbay_executions_running 0", `patchbay_steps_running{connector="shell"} 0`, `patchbay_executions_total{status="failed"} 1`,
		`patchbay_executions_total{status="success"} 0`, `patchbay_steps_total{connector="shell",status="failed"} 1`, `patchbay_steps_total{connector="none",status="skipped"} 1`,
		`patchbay_step_retries_total{connector="shell"} 2`, `patchbay_step_duration_seconds_sum{connector="shell"} 3`, `patchbay_execution_duration_seconds_sum{status="failed"} 3`)
	if len(runs.begun) != 0 {
		t.Errorf("%d are remembered", len(runs.begun))
	}
}

// A run from before a restart is counted as running, and not as having waited.
func TestRunFromBefore(t *testing.T) {
	t.Parallel()
	m := New("1")
	runs := m.Runs()
	before := time.Now().Add(-time.Hour)
	runs.StepChanged(&core.StepRun{ExecutionID: "e", Connector: "shell", Status: core.StatusRunning, StartedAt: &before})
	runs.ExecutionChanged(&core.Execution{ID: "e", Status: core.StatusRunning, CreatedAt: before, StartedAt: &before, CancelRequested: "somebody"})
	want(t, m, "patchbay_executions_running 1", "patchbay_queue_wait_seconds_count 0")
	runs.ExecutionChanged(&core.Execution{ID: "e", Status: core.StatusCancelled, CreatedAt: before, StartedAt: &before})
	want(t, m, "patchbay_executions_running 0", `patchbay_steps_running{connector="shell"} 0`)
}

// A measured store is the store: it passes its suite.
func TestMeasuredStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) core.Store { return New("1").Store(memory.New()) })
}

// away is a store that does not answer.
type away struct{ core.Store }

func (away) Ping(context.Context) error { return errors.New("away") }

func TestStoreIsMeasured(t *testing.T) {
	t.Parallel()
	m := New("1")
	store := m.Store(away{memory.New()})
	if err := store.Ping(t.Context()); err == nil {
		t.Error("its error is gone")
	}
	if _, err := store.Pipeline(t.Context(), "none"); core.CodeOf(err) != core.CodeNotFound {
		t.Errorf("%v", err)
	}
	want(t, m, `patchbay_store_errors_total{operation="ping"} 1`, `patchbay_store_operation_seconds_count{operation="ping"} 1`,
		`patchbay_store_errors_total{operation="pipeline"} 0`, `patchbay_store_operation_seconds_count{operation="pipeline"} 1`)
	for method := range reflect.TypeFor[core.Store]().Methods() {
		own, _ := reflect.TypeFor[*timedStore]().MethodByName(method.Name)
		if own.Name == "" {
			t.Errorf("%s is missing", method.Name)
		}
	}
}

func TestLogsAreCounted(t *testing.T) {
	t.Parallel()
	store, err := logs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := New("1")
	w, err := m.Logs(store).OpenLog(t.Context(), "01a20a72-142b-7b2a-b1bf-02816ac4bc3e")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []core.LogRecord{{Stream: core.StreamStdout, Attempt: 1, Data: []byte("12345")}, {Stream: core.StreamStderr, Attempt: 1, Data: []byte("1")}, {Stream: core.StreamStdout, Attempt: 1, Offset: 99, Data: []byte("gap")}} {
		_ = w.Append(r) // the last is refused
	}
	if err := errors.Join(w.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	want(t, m, `patchbay_log_bytes_total{stream="stdout"} 5`, `patchbay_log_bytes_total{stream="stderr"} 1`, `patchbay_log_bytes_total{stream="status"} 0`)
}

func TestPartsAreAskedAtEachScrape(t *testing.T) {
	t.Parallel()
	m := New("1")
	load := core.QueueLoad{Waiting: 3, Running: 2, Slots: 4, Paused: true}
	m.Queue(func() core.QueueLoad { return load })
	m.Connectors(func() []core.ConnectorProcess {
		return []core.ConnectorProcess{{Name: "shell", Up: true, Users: 5, Broken: true, Launches: 6, Failures: 7, Crashes: 8}}
	})
	want(t, m, "patchbay_queue_waiting 3", "patchbay_queue_slots_used 2", "patchbay_queue_slots 4", "patchbay_queue_paused 1",
		`patchbay_connector_up{connector="shell"} 1`, `patchbay_connector_broken{connector="shell"} 1`, `patchbay_connector_calls_in_flight{connector="shell"} 5`, `patchbay_connector_launches_total{connector="shell"} 6`,
		`patchbay_connector_launch_failures_total{connector="shell"} 7`, `patchbay_connector_crashes_total{connector="shell"} 8`)
	load = core.QueueLoad{}
	want(t, m, "patchbay_queue_waiting 0", "patchbay_queue_paused 0")
}
