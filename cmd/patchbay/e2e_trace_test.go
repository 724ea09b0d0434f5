package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/patchbay-ci/patchbay/core/tracing/tracingtest"
)

// tracedPipeline has a step that says where in the trace it is, and waits, and one that
// fails at first.
const tracedPipeline = `
name: traced
stages:
  - name: build
    steps:
      - name: wait
        run: |
          echo "$TRACEPARENT"
          echo begun >"$DIR/begun"
          while [ ! -e "$DIR/go" ]; do sleep 0.02; done
      - name: flaky
        retry_count: 1
        run: if [ -e "$DIR/tried" ]; then exit 0; fi; touch "$DIR/tried"; exit 3
`

// One trace goes from the client's span through the request, the trigger, the run, the
// step and the attempt to the call of the connector, and to the step itself; it is whole
// also when the server was killed in the middle of the run.
func TestTraceOfARun(t *testing.T) {
	t.Parallel()
	collector := tracingtest.New(t)
	settings := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_BSP_SCHEDULE_DELAY=50"}
	data, dir := t.TempDir(), t.TempDir()
	s := startServer(t, data, settings...)
	pipeline := s.create(write(t, "p.yaml", tracedPipeline))
	s.triggerTraced(pipeline, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", dir)
	awaitFile(t, filepath.Join(dir, "begun"))
	const route = "POST /api/ci/pipelines/{id}/trigger"
	collector.Await(route)
	s.signal(syscall.SIGKILL)
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, data, settings...)
	trigger := collector.Await("trigger")
	e := s.finished(trigger.Attributes["cicd.pipeline.run.id"])
	if e.Status != "success" {
		t.Fatalf("%+v\n%s", e, s.stderr.String())
	}
	s.signal(syscall.SIGTERM)

	spans := map[string][]tracingtest.Span{}
	for _, span := range collector.Spans() {
		if span.Trace == "0af7651916cd43dd8448eb211c80319c" {
			spans[span.Parent+" "+span.Name] = append(spans[span.Parent+" "+span.Name], span)
		}
	}
	below := func(parent, name string, failed bool) string {
		t.Helper()
		found := spans[parent+" "+name]
		if len(found) != 1 || found[0].Failed != failed || found[0].End.Before(found[0].Start) {
			t.Fatalf("below %q there is not one %s: %+v", parent, name, collector.Spans())
		}
		return found[0].ID
	}
	run := below(below(below("b7ad6b7169203331", route, false), "trigger", false), "RUN traced", false)
	waited := below(below(run, "build/wait", false), "attempt 1", false)
	below(below(waited, "RunStep shell", false), "shell", false) // that of the second server; the first one's died with it
	if want := "00-0af7651916cd43dd8448eb211c80319c-" + waited + "-01\n"; e.Stages[0].Steps[0].Stdout != want {
		t.Errorf("the step was told %q, want %q", e.Stages[0].Steps[0].Stdout, want)
	}
	flaky := below(run, "build/flaky", false)
	below(below(flaky, "attempt 1", true), "RunStep shell", false)
	below(below(below(flaky, "attempt 2", false), "RunStep shell", false), "shell", false)
}

// triggerTraced triggers as a client that is traced, and returns the execution's ID.
func (s *liveServer) triggerTraced(pipeline, traceparent, dir string) string {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), "POST", s.url+"/api/ci/pipelines/"+pipeline+"/trigger",
		strings.NewReader(`{"environment":{"DIR":"`+dir+`"}}`))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("traceparent", traceparent)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		ExecutionID string `json:"execution_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusAccepted {
		s.t.Fatalf("%d: %v", response.StatusCode, err)
	}
	return answer.ExecutionID
}

// Without a collector, the caller's place in a trace still reaches the step.
func TestTraceGoesThrough(t *testing.T) {
	t.Parallel()
	const place = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s := startServer(t, t.TempDir())
	pipeline := s.create(write(t, "p.yaml", "name: p\nstages: [{name: s, steps: [{name: a, run: 'echo $TRACEPARENT'}]}]\n"))
	if e := s.finished(s.triggerTraced(pipeline, place, "")); e.Stages[0].Steps[0].Stdout != place+"\n" {
		t.Errorf("%+v", e)
	}
	if e := s.finished(s.trigger(pipeline)); e.Stages[0].Steps[0].Stdout != "\n" {
		t.Errorf("of no trace: %+v", e)
	}
}

func TestProtocolThatTracesAreNotSentBy(t *testing.T) {
	t.Parallel()
	o := patchbayWith(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
		"server", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	if o.code != 1 || !strings.Contains(o.stderr, "http/protobuf") {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
}
