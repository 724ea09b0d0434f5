package core

import (
	"context"
	"encoding/hex"
	"strings"
	"time"
)

// TraceContext is a place in a distributed trace, as W3C Trace Context, level 1,
// carries it from one program to the next. The zero one is in no trace.
type TraceContext struct {
	TraceID [16]byte
	SpanID  [8]byte
	// Sampled says that the trace is being recorded.
	Sampled bool
	// State is the tracestate header, which is handed on as it came.
	State string
}

// Valid reports whether it is a place in a trace.
func (t TraceContext) Valid() bool { return t.TraceID != [16]byte{} && t.SpanID != [8]byte{} }

// Traceparent is the traceparent header, or empty outside of a trace.
func (t TraceContext) Traceparent() string {
	if !t.Valid() {
		return ""
	}
	flags := "-00"
	if t.Sampled {
		flags = "-01"
	}
	return "00-" + hex.EncodeToString(t.TraceID[:]) + "-" + hex.EncodeToString(t.SpanID[:]) + flags
}

// Lengths of a traceparent of version 00, and the most of a tracestate that is kept
// (W3C Trace Context, 3.3.1.5: at least 512 characters are to be propagated).
const (
	traceparentLength = 55
	maxTracestate     = 512
)

// ParseTraceContext reads the two headers. What is not well-formed counts as not there,
// as the standard wants it: a trace must not break a request. Of a later version, the
// parts that version 00 has are read.
func ParseTraceContext(parent, state string) TraceContext {
	var t TraceContext
	if len(parent) < traceparentLength || parent[2] != '-' || parent[35] != '-' || parent[52] != '-' || parent != strings.ToLower(parent) {
		return TraceContext{}
	}
	version, err := hex.DecodeString(parent[:2])
	if err != nil || version[0] == 0xff || (version[0] == 0 && len(parent) != traceparentLength) ||
		(len(parent) > traceparentLength && parent[traceparentLength] != '-') {
		return TraceContext{}
	}
	flags, err := hex.DecodeString(parent[53:55])
	if err != nil {
		return TraceContext{}
	}
	if _, err := hex.Decode(t.TraceID[:], []byte(parent[3:35])); err != nil {
		return TraceContext{}
	}
	if _, err := hex.Decode(t.SpanID[:], []byte(parent[36:52])); err != nil || !t.Valid() {
		return TraceContext{}
	}
	t.Sampled = flags[0]&1 != 0
	if len(state) <= maxTracestate && printable(state) {
		t.State = state
	}
	return t
}

func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

type traceKey struct{}

// WithTrace puts what is done with ctx below a place in a trace.
func WithTrace(ctx context.Context, t TraceContext) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf is the place in a trace that something is done at; the zero one for none.
func TraceOf(ctx context.Context) TraceContext {
	t, _ := ctx.Value(traceKey{}).(TraceContext)
	return t
}

// SpanKind says on which side of a call a span is.
type SpanKind int

// The kinds of spans, as OpenTelemetry has them.
const (
	SpanInternal SpanKind = iota
	SpanServer
	SpanClient
	SpanProducer
)

// SpanStart describes a span that begins.
type SpanStart struct {
	Name string
	Kind SpanKind
	// Key makes the span's ID (and, without a parent, the trace's) from what the span
	// is about, so that who goes on with it after a restart continues the same span.
	// Empty means a random ID.
	Key string
	// ID is the span's own, of one that somebody else has made; zero means that Key says.
	ID [8]byte
	// At is when it began; zero is now.
	At         time.Time
	Attributes []SpanAttribute
}

// SpanAttribute is something known about a span: a string, an int64, a float64 or a
// bool. Names are those of OpenTelemetry's semantic conventions where there are any.
type SpanAttribute struct {
	Name  string
	Value any
}

// Span is a piece of work in a trace. It is told of only when it ends: one that never
// does leaves nothing. Its methods may be called from several goroutines.
type Span interface {
	// Rename gives it another name.
	Rename(name string)
	Set(attributes ...SpanAttribute)
	// Fail marks it as failed. The message must have no secrets.
	Fail(message string)
	// End ends it; further calls do nothing. EndAt says when that was.
	End()
	EndAt(at time.Time)
}

// Tracer makes spans. It is safe for concurrent use and never blocks.
type Tracer interface {
	// StartSpan begins a span below TraceOf(ctx); the returned context is inside of it.
	StartSpan(ctx context.Context, start SpanStart) (context.Context, Span)
}

// NoTracer is a Tracer that records nothing: the place in the trace, if there is one,
// stays that of the caller and is handed on.
type NoTracer struct{}

// StartSpan implements Tracer.
func (NoTracer) StartSpan(ctx context.Context, _ SpanStart) (context.Context, Span) {
	return ctx, noSpan{}
}

type noSpan struct{}

func (noSpan) Rename(string)        {}
func (noSpan) Set(...SpanAttribute) {}
func (noSpan) Fail(string)          {}
func (noSpan) End()                 {}
func (noSpan) EndAt(time.Time)      {}
