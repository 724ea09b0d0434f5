package trigger

import (
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/tracing"
	"github.com/patchbay-ci/patchbay/core/tracing/tracingtest"
)

// Triggers and retries are spans, which the executions remember; a retry is in the trace
// of who asked for it, not in that of the execution that it repeats.
func TestTraced(t *testing.T) {
	t.Parallel()
	collector := tracingtest.New(t)
	provider, err := tracing.New(t.Context(), tracing.Options{Endpoint: collector.URL, Logger: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	store := memory.New()
	p := &core.Pipeline{ID: "p", Name: "name", Revision: 1}
	if err := store.CreatePipeline(t.Context(), p, &core.PipelineRevision{PipelineID: "p", Number: 1, Spec: &core.Spec{Name: "name"}}); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	s := &Traced{Service: New(store, func(*core.Execution) {}), Tracer: provider, Logger: hclog.New(&hclog.LoggerOptions{Output: &said})}
	ctx := core.WithRequestID(core.WithTrace(t.Context(), core.ParseTraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "v=1")), "r1")
	e, err := s.Trigger(ctx, core.TriggerRequest{PipelineID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Trigger(ctx, core.TriggerRequest{PipelineID: "none"}); core.CodeOf(err) != core.CodeNotFound {
		t.Errorf("%v", err)
	}
	e.Status = core.StatusFailed
	if err := store.UpdateExecution(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	again, err := s.Retry(t.Context(), core.RetryRequest{ExecutionID: e.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := provider.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := collector.Spans()
	if len(spans) != 3 || spans[0].Parent != "b7ad6b7169203331" || spans[0].Failed || !spans[1].Failed || spans[1].Message != "not_found" || spans[2].Name != "retry" {
		t.Fatalf("%+v", spans)
	}
	if place := core.ParseTraceContext(e.Traceparent, e.Tracestate); place.Traceparent()[36:52] != spans[0].ID || place.State != "v=1" {
		t.Errorf("the execution remembers %+v", place)
	}
	if again.Traceparent[3:35] != spans[2].Trace || spans[2].Trace == spans[0].Trace || again.Tracestate != "" {
		t.Errorf("the retry remembers %q", again.Traceparent)
	}
	if line := "triggered: execution=" + e.ID; !strings.Contains(said.String(), line) || !strings.Contains(said.String(), "request_id=r1") {
		t.Errorf("%s", said.String())
	}
}
