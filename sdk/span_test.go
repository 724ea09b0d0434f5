package sdk

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// hearsSpans keeps the spans of a call, in the order in which they ended.
type hearsSpans struct {
	heard
	spans []SpanReport
}

func (h *hearsSpans) Span(span SpanReport) error {
	h.spans = append(h.spans, span)
	return nil
}

func TestConversionOfSpans(t *testing.T) {
	t.Parallel()
	want := SpanReport{Name: "n", ID: [8]byte{1}, Parent: [8]byte{2}, Start: time.Unix(1, 2).UTC(), End: time.Unix(3, 4).UTC(), Error: "e", Attributes: map[string]string{"a": "b"}}
	if diff := cmp.Diff(want, spanFromProto(spanToProto(want))); diff != "" {
		t.Errorf("(-sent +received):\n%s", diff)
	}
	if odd := spanFromProto(&connectorv1.Span{SpanId: make([]byte, 9), ParentSpanId: []byte{1}}); odd.ID != [8]byte{} || odd.Parent != [8]byte{} {
		t.Errorf("%+v", odd)
	}
}

// The host hears of the call and of what the connector did in it, each below the other;
// hosts that did not ask hear nothing.
func TestSpansOfAConnector(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct {
		ask   func(context.Context) context.Context
		wants int
	}{
		"asked":           {func(ctx context.Context) context.Context { return WithSpans(WithTrace(ctx, parent, "")) }, 3},
		"not asked":       {func(ctx context.Context) context.Context { return WithTrace(ctx, parent, "") }, 0},
		"outside a trace": {WithSpans, 0},
		"odd place":       {func(ctx context.Context) context.Context { return WithSpans(WithTrace(ctx, "00-xx", "")) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var place, inner string
			l := connectFunc(t, func(ctx context.Context, _ RunRequest, session *Session) (Result, error) {
				place, _ = TraceOf(ctx)
				ctx, pull := session.StartSpan(ctx, "pull")
				inner, _ = TraceOf(ctx)
				_, layer := session.StartSpan(ctx, "layer")
				layer.Set("digest", "abc")
				layer.End(errors.New("not found"))
				layer.End(nil)
				layer.Set("late", "x")
				pull.End(nil)
				_, forgotten := session.StartSpan(ctx, "forgotten")
				defer time.AfterFunc(0, func() { forgotten.End(nil) })
				return Result{Outcome: OutcomeSucceeded}, nil
			})
			step, err := l.client.RunStep(test.ask(t.Context()), RunRequest{Step: Step{Action: "run"}})
			if err != nil {
				t.Fatal(err)
			}
			var h hearsSpans
			if _, err := step.Wait(&h); err != nil {
				t.Fatal(err)
			}
			var named []SpanReport
			for _, s := range h.spans {
				if s.Name != "forgotten" { // it may have made it
					named = append(named, s)
				}
			}
			if len(named) != test.wants {
				t.Fatalf("%+v", named)
			}
			if test.wants == 0 {
				return
			}
			layer, pull, call := named[0], named[1], named[2]
			if hex.EncodeToString(call.Parent[:]) != "b7ad6b7169203331" || pull.Parent != call.ID || layer.Parent != pull.ID || call.End.Before(call.Start) {
				t.Errorf("%+v", named)
			}
			if layer.Error != "not found" || layer.Attributes["digest"] != "abc" || layer.Attributes["late"] != "" || pull.Error != "" {
				t.Errorf("%+v", layer)
			}
			if place[36:52] != hex.EncodeToString(call.ID[:]) || inner[36:52] != hex.EncodeToString(pull.ID[:]) || inner[:36] != parent[:36] || inner[52:] != "-01" {
				t.Errorf("inside: %s, %s", place, inner)
			}
		})
	}
}

// A connector that makes a span of everything floods nobody, and old hosts, which know
// no spans, are spared by asking for none.
func TestSpansAreBounded(t *testing.T) {
	t.Parallel()
	l := connectFunc(t, func(ctx context.Context, _ RunRequest, session *Session) (Result, error) {
		for range 2 * maxSpans {
			_, span := session.StartSpan(ctx, "x")
			span.End(nil)
		}
		return Result{Outcome: OutcomeSucceeded}, nil
	})
	step, err := l.client.RunStep(WithSpans(WithTrace(t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "")), RunRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var h hearsSpans
	if _, err := step.Wait(&h); err != nil || len(h.spans) != maxSpans {
		t.Errorf("%d spans, %v", len(h.spans), err)
	}
}
