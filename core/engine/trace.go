package engine

import (
	"context"
	"strconv"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// A run is a span below the trigger, each step and each attempt one below it, and each
// call of a connector one below the attempt. The IDs of the first three are made from
// the IDs of what they are about, and they are told of when the end is stored: so a run
// that is gone on with after a crash continues the spans that it began, and a step that
// was told of its attempt's span before has a parent in the end.
//
// Names and results are those of OpenTelemetry's conventions for CI/CD.

// trace is a span and the place inside of it.
type trace struct {
	place core.TraceContext
	span  core.Span
}

// forConnector makes calls with ctx carry the place to a connector.
func (t trace) forConnector(ctx context.Context) context.Context {
	return sdk.WithTrace(ctx, t.place.Traceparent(), t.place.State)
}

// below begins a span inside of t.
func (t trace) below(tracer core.Tracer, start core.SpanStart) trace {
	ctx, span := tracer.StartSpan(core.WithTrace(context.Background(), t.place), start)
	return trace{place: core.TraceOf(ctx), span: span}
}

// finish ends a span as what it is about ended.
func (t trace) finish(resultName string, status core.Status, reason string) {
	t.span.Set(core.SpanAttribute{Name: resultName, Value: traceResult(status)})
	if status == core.StatusFailed || status == core.StatusTimeout {
		t.span.Fail(reason)
	}
	t.span.End()
}

// traceResult is the word of the conventions for an end.
func traceResult(status core.Status) string {
	switch status {
	case core.StatusFailed:
		return "failure"
	case core.StatusCancelled:
		return "cancellation"
	case core.StatusSkipped:
		return "skip"
	}
	return string(status)
}

// beginTrace begins the run's span, or goes on with it.
func (r *run) beginTrace() {
	e := r.execution
	start := core.SpanStart{Name: "RUN " + e.PipelineName, Kind: core.SpanServer, Key: "execution " + e.ID, Attributes: []core.SpanAttribute{
		{Name: "cicd.pipeline.action.name", Value: "RUN"}, {Name: "cicd.pipeline.name", Value: e.PipelineName}, {Name: "cicd.pipeline.run.id", Value: e.ID},
		{Name: "patchbay.pipeline.id", Value: e.PipelineID}, {Name: "patchbay.execution.number", Value: e.Number},
		{Name: "patchbay.trigger.type", Value: string(e.Trigger.Type)},
	}}
	if e.StartedAt != nil {
		start.At = *e.StartedAt
		start.Attributes = append(start.Attributes, core.SpanAttribute{Name: "patchbay.queue.wait", Value: e.StartedAt.Sub(e.CreatedAt).Seconds()})
	}
	r.trace = trace{place: core.ParseTraceContext(e.Traceparent, e.Tracestate)}.below(r.engine.options.Tracer, start)
}

// endTrace ends the run's span, when its end is stored.
func (r *run) endTrace() {
	r.trace.finish("cicd.pipeline.result", r.execution.Status, r.execution.Reason)
}

// attemptTrace are the spans of a step and of the attempt at it that is going on.
type attemptTrace struct{ step, attempt trace }

// beginTrace begins an attempt's span, and with the first one the step's.
func (l *stepLife) beginTrace(a *core.Attempt) {
	l.beginStepTrace()
	l.beginAttemptTrace(a, "attempt "+strconv.Itoa(a.Number))
}

func (l *stepLife) beginAttemptTrace(a *core.Attempt, name string) {
	l.trace.attempt = l.trace.step.below(l.run.engine.options.Tracer, core.SpanStart{Name: name, Key: attemptKey(a), At: a.StartedAt,
		Attributes: []core.SpanAttribute{{Name: "cicd.pipeline.task.run.id", Value: a.ID}, {Name: "patchbay.attempt.number", Value: int64(a.Number)}}})
}

// beginStepTrace begins the step's span, unless it has begun.
func (l *stepLife) beginStepTrace() {
	if l.trace.step.span != nil {
		return
	}
	start := core.SpanStart{Name: l.step.Stage + "/" + l.step.Name, Key: l.spanKey(), Attributes: []core.SpanAttribute{
		{Name: "cicd.pipeline.task.name", Value: l.step.Name}, {Name: "patchbay.stage", Value: l.step.Stage},
		{Name: "patchbay.connector", Value: l.spec.Connector}}}
	if l.step.StartedAt != nil {
		start.At = *l.step.StartedAt
	}
	l.trace.step = l.run.trace.below(l.run.engine.options.Tracer, start)
}

func (l *stepLife) spanKey() string     { return "step " + l.run.id + " " + strconv.Itoa(l.node) }
func attemptKey(a *core.Attempt) string { return "attempt " + a.ID }

// foreseeTrace finds the place in the trace that an attempt will have, for a connector
// that gets ready for it: what it is told must be what it will be told. The spans that
// this makes never end, and so leave nothing.
func (l *stepLife) foreseeTrace(a *core.Attempt) {
	tracer := l.run.engine.options.Tracer
	l.trace.attempt = l.run.trace.below(tracer, core.SpanStart{Key: l.spanKey()}).below(tracer, core.SpanStart{Key: attemptKey(a)})
}

// endTrace ends an attempt's span, and the step's with the last one.
func (l *stepLife) endTrace(a *core.Attempt) {
	l.endAttemptTrace(a)
	if l.step.Status.Terminal() {
		l.endStepTrace()
	}
}

func (l *stepLife) endAttemptTrace(a *core.Attempt) {
	if a.ExitCode != nil {
		l.trace.attempt.span.Set(core.SpanAttribute{Name: "process.exit.code", Value: int64(*a.ExitCode)})
	}
	l.trace.attempt.finish("cicd.pipeline.task.run.result", a.Status, a.Message)
}

func (l *stepLife) endStepTrace() {
	l.trace.step.finish("cicd.pipeline.task.run.result", l.step.Status, l.step.Reason)
}

// handOnTrace gives the step its place in the trace, where programs look for it. What
// a pipeline sets itself wins.
func (l *stepLife) handOnTrace() {
	place := l.trace.attempt.place
	if !place.Valid() {
		return
	}
	l.inputs.base["TRACEPARENT"] = place.Traceparent()
	if place.State != "" {
		l.inputs.base["TRACESTATE"] = place.State
	}
}

// call is a call of a connector.
type call struct{ trace }

// beginCall begins the span of a call; the returned context carries it to the connector.
func (l *stepLife) beginCall(ctx context.Context, events *sink) (context.Context, call) {
	c := call{l.trace.attempt.below(l.run.engine.options.Tracer, core.SpanStart{Name: "RunStep " + l.spec.Connector, Kind: core.SpanClient, At: time.Now(),
		Attributes: []core.SpanAttribute{{Name: "rpc.system", Value: "grpc"}, {Name: "rpc.method", Value: "RunStep"},
			{Name: "patchbay.connector", Value: l.spec.Connector}}})}
	events.call = c.trace
	ctx = c.forConnector(ctx)
	if c.place.Sampled && c.place != l.trace.attempt.place { // and so it is recorded here
		ctx = sdk.WithSpans(ctx)
	}
	return ctx, c
}

// end ends the span, also of a call that was let go of or whose connector is gone.
func (c call) end(err error) {
	if err != nil {
		c.span.Fail(string(sdk.ClassOf(err)))
	}
	c.span.End()
}

// Span implements sdk.SpanEvents: what a connector says that it did is told below its
// call, with the same care for secrets as its other words.
func (s *sink) Span(report sdk.SpanReport) error {
	if report.ID == [8]byte{} || report.End.Before(report.Start) {
		return nil // nobody could make sense of it
	}
	place := s.call.place
	if report.Parent != [8]byte{} {
		place.SpanID = report.Parent
	}
	text := s.life.masks.Text
	start := core.SpanStart{Name: text(report.Name), ID: report.ID, At: report.Start}
	for name, value := range report.Attributes {
		start.Attributes = append(start.Attributes, core.SpanAttribute{Name: name, Value: text(value)})
	}
	made := trace{place: place}.below(s.life.run.engine.options.Tracer, start)
	if report.Error != "" {
		made.span.Fail(text(report.Error))
	}
	made.span.EndAt(report.End)
	return nil
}
