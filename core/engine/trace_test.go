package engine

import (
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/tracing"
	"github.com/patchbay-ci/patchbay/core/tracing/tracingtest"
	"github.com/patchbay-ci/patchbay/sdk"
)

// newTracedWorld is a world whose engine sends spans to a collector; ended sends those
// that wait.
func newTracedWorld(t *testing.T) (w *world, ended func() []tracingtest.Span) {
	t.Helper()
	c := tracingtest.New(t)
	provider, err := tracing.New(t.Context(), tracing.Options{Endpoint: c.URL, Logger: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, func(o *Options) { o.Tracer = provider })
	return w, func() []tracingtest.Span {
		t.Helper()
		if err := w.engine.Shutdown(t.Context(), false); err != nil { // the last span ends after the end is told
			t.Fatal(err)
		}
		if err := provider.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return c.Spans()
	}
}

// only returns the one span of a name below another.
func only(t *testing.T, spans []tracingtest.Span, parent, name string) tracingtest.Span {
	t.Helper()
	var found []tracingtest.Span
	for _, s := range spans {
		if s.Parent == parent && s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("below %q there are %d spans %q: %+v", parent, len(found), name, spans)
	}
	return found[0]
}

// Whoever dies, each run, step and attempt is one span with its parent, which is the
// place that the step was told when it began.
func TestTraceIsWholeWhoeverDies(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(*world){
		"nobody":           func(*world) {},
		"the connector":    func(w *world) { w.cut() },
		"the engine twice": func(w *world) { w.restartEngine(); w.restartEngine() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ended := newTracedWorld(t)
			begun := w.begins("a")
			id := w.submit(oneStage(step("a", script{Wait: true, Text: "${TRACEPARENT}"}), step("b", script{Fail: 1}, func(s *core.Step) { s.RetryCount = number(1) })))
			<-begun
			disturb(w)
			w.release()
			if e := w.await(id); e.Status != core.StatusSuccess {
				t.Fatalf("the execution is %s: %s", e.Status, e.Reason)
			}
			told := w.stdout(id, 0)
			spans := ended()
			run := only(t, spans, "", "RUN p")
			attempt := only(t, spans, only(t, spans, run.ID, "s/a").ID, "attempt 1")
			if want := "00-" + run.Trace + "-" + attempt.ID + "-01"; told != want {
				t.Errorf("the step was told %q, want %q", told, want)
			}
			flaky := only(t, spans, run.ID, "s/b")
			first, second := only(t, spans, flaky.ID, "attempt 1"), only(t, spans, flaky.ID, "attempt 2")
			if !first.Failed || second.Failed || flaky.Failed || run.Failed || run.Attributes["cicd.pipeline.result"] != "success" {
				t.Errorf("%+v", spans)
			}
			call := only(t, spans, second.ID, "RunStep fake")
			if own := only(t, spans, call.ID, "fake"); own.Trace != run.Trace || own.Start.Before(call.Start) {
				t.Errorf("the connector's own span: %+v", own)
			}
		})
	}
}

// A connector that gets ready for a step is told of the place that the step will have.
func TestAnnouncedPlaceIsThatOfTheStep(t *testing.T) {
	t.Parallel()
	w, ended := newTracedWorld(t)
	w.cut()
	w.prepared = make(chan *sdk.Step, 100)
	w.connect()
	first := w.begins("a")
	id := w.submit(oneStage(step("a", script{Wait: true}), step("b", script{Text: "${TRACEPARENT}"})))
	<-first
	announced := <-w.prepared
	w.release()
	w.await(id)
	if told := w.stdout(id, 1); told == "" || told != announced.Environment["TRACEPARENT"] {
		t.Errorf("told %q, announced %q", told, announced.Environment["TRACEPARENT"])
	}
	spans := ended()
	only(t, spans, only(t, spans, only(t, spans, "", "RUN p").ID, "s/b").ID, "attempt 1")
}
