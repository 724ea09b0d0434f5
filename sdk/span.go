package sdk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

const (
	// spansKey is the metadata by which a host asks for spans.
	spansKey = "patchbay-spans"
	// maxSpans is how many spans one RunStep may tell of; the others are dropped.
	maxSpans = 1000
)

// SpanReport is a piece of work that a connector did for an attempt.
type SpanReport struct {
	Name string
	// Parent is the place of the call, or another span of the attempt.
	ID, Parent [8]byte
	Start, End time.Time
	// Error is empty when the work succeeded.
	Error      string
	Attributes map[string]string
}

// WithSpans makes RunStep calls with ctx ask the connector for its spans, which go to
// the Events that are a SpanEvents. Use it with WithTrace.
func WithSpans(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, spansKey, "1")
}

// place is where in a trace a connector's work is.
type place struct {
	trace [16]byte
	span  [8]byte
	flags string
	state string
}

type placeKey struct{}

func (p place) traceparent() string {
	return "00-" + hex.EncodeToString(p.trace[:]) + "-" + hex.EncodeToString(p.span[:]) + "-" + p.flags
}

// placeOf reads what a host sent; it is ours and so of version 00.
func placeOf(ctx context.Context) (p place, ok bool) {
	parent, state := TraceOf(ctx)
	if len(parent) != 55 {
		return place{}, false
	}
	_, traceErr := hex.Decode(p.trace[:], []byte(parent[3:35]))
	_, spanErr := hex.Decode(p.span[:], []byte(parent[36:52]))
	p.flags, p.state = parent[53:], state
	return p, traceErr == nil && spanErr == nil
}

// Span is a piece of a connector's work, in the trace of the attempt. Its methods may be
// called from several goroutines, and do nothing when nothing is traced.
type Span struct {
	session *Session
	report  SpanReport

	mu    sync.Mutex
	ended bool
}

// StartSpan begins a span inside of ctx, such as the pull of an image, and returns a
// context inside of the span. The host sends it where its own spans go: a connector
// needs no exporter. What a span says must have no secrets.
func (s *Session) StartSpan(ctx context.Context, name string) (context.Context, *Span) {
	here, traced := placeOf(ctx)
	if !traced || s.spans.Add(-1) < 0 {
		return ctx, &Span{}
	}
	span := &Span{session: s, report: SpanReport{Name: name, Parent: here.span, Start: time.Now()}}
	_, _ = rand.Read(span.report.ID[:]) // it does not fail
	here.span = span.report.ID
	return context.WithValue(ctx, placeKey{}, here), span
}

// begin is StartSpan for the whole call, if the host wants spans.
func (s *Session) begin(ctx context.Context, name string) (context.Context, *Span) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	if only(incoming.Get(spansKey)) != "1" {
		return ctx, &Span{}
	}
	s.spans.Store(maxSpans)
	return s.StartSpan(ctx, name)
}

// Set says something about the span.
func (s *Span) Set(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil || s.ended {
		return
	}
	if s.report.Attributes == nil {
		s.report.Attributes = map[string]string{}
	}
	s.report.Attributes[name] = value
}

// End ends the span, and tells the host of it; err is why its work failed, or nil. Only
// the first call counts, and only one before RunStep returns.
func (s *Span) End(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil || s.ended {
		return
	}
	s.ended = true
	s.report.End = time.Now()
	if err != nil {
		s.report.Error = err.Error()
	}
	// A host that is gone hears of nothing any more.
	_ = s.session.emit(&connectorv1.RunStepResponse{Message: &connectorv1.RunStepResponse_Span{Span: spanToProto(s.report)}})
}
