package tracing

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/tracing/tracingtest"
)

func newProvider(t *testing.T, endpoint string, log hclog.Logger) *Provider {
	t.Helper()
	p, err := New(t.Context(), Options{Endpoint: endpoint, Version: "1.2.3", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closed(t *testing.T, p *Provider) {
	t.Helper()
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSpansArrive(t *testing.T) {
	t.Parallel()
	c := tracingtest.New(t)
	p := newProvider(t, c.URL+"/", hclog.NewNullLogger())
	above := core.ParseTraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1")
	began := time.Unix(1_700_000_000, 0)
	ctx, outer := p.StartSpan(core.WithTrace(t.Context(), above), core.SpanStart{Name: "x", Kind: core.SpanServer, At: began,
		Attributes: []core.SpanAttribute{{Name: "text", Value: "a\xff"}, {Name: "number", Value: int64(7)}, {Name: "yes", Value: true}, {Name: "half", Value: 0.5}}})
	outer.Rename("outer")
	inside := core.TraceOf(ctx)
	if inside.TraceID != above.TraceID || !inside.Sampled || inside.State != "vendor=1" {
		t.Errorf("%+v", inside)
	}
	_, inner := p.StartSpan(ctx, core.SpanStart{Name: "inner", Kind: core.SpanClient})
	inner.Fail(strings.Repeat("é", maxMessage))
	inner.End()
	outer.End()
	outer.End()
	closed(t, p)
	first, second := c.Await("outer"), c.Await("inner")
	if len(c.Spans()) != 2 || first.Parent != "b7ad6b7169203331" || second.Parent != first.ID || second.Trace != first.Trace {
		t.Fatalf("%+v", c.Spans())
	}
	if !first.Start.Equal(began) || first.Kind != "SPAN_KIND_SERVER" || first.Attributes["number"] != "7" || first.Attributes["text"] != "a\uFFFD" || first.Failed {
		t.Errorf("%+v", first)
	}
	if !second.Failed || len(second.Message) > maxMessage+3 || second.Kind != "SPAN_KIND_CLIENT" {
		t.Errorf("%+v", second)
	}
	if c.Resource("service.name") != "patchbay" || c.Resource("service.version") != "1.2.3" {
		t.Errorf("sent by %q %q", c.Resource("service.name"), c.Resource("service.version"))
	}
}

// Who goes on with a span after a restart makes the same one.
func TestKeysMakeTheSameSpan(t *testing.T) {
	t.Parallel()
	c := tracingtest.New(t)
	places := map[core.TraceContext]bool{}
	for range 2 {
		p := newProvider(t, c.URL, hclog.NewNullLogger())
		ctx, _ := p.StartSpan(t.Context(), core.SpanStart{Name: "a", Key: "execution 1"})
		places[core.TraceOf(ctx)] = true
		other, _ := p.StartSpan(t.Context(), core.SpanStart{Name: "b", Key: "execution 2"})
		if core.TraceOf(other).TraceID == core.TraceOf(ctx).TraceID {
			t.Error("two executions in one trace")
		}
		closed(t, p)
	}
	if len(places) != 1 || len(c.Spans()) != 0 {
		t.Errorf("%d places; %d spans that never ended", len(places), len(c.Spans()))
	}
}

// What the caller does not record is not recorded here, and goes on as that.
func TestNotSampled(t *testing.T) {
	t.Parallel()
	c := tracingtest.New(t)
	p := newProvider(t, c.URL, hclog.NewNullLogger())
	above := core.ParseTraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "")
	ctx, span := p.StartSpan(core.WithTrace(t.Context(), above), core.SpanStart{Name: "x"})
	span.End()
	closed(t, p)
	if place := core.TraceOf(ctx); place.Sampled || place.TraceID != above.TraceID || len(c.Spans()) != 0 {
		t.Errorf("%+v, %d spans", place, len(c.Spans()))
	}
}

func TestCollectorThatRefuses(t *testing.T) {
	t.Parallel()
	c := tracingtest.New(t)
	c.Refuse(http.StatusBadRequest)
	var said strings.Builder
	p := newProvider(t, c.URL, hclog.New(&hclog.LoggerOptions{Output: &said}))
	_, span := p.StartSpan(t.Context(), core.SpanStart{Name: "x"})
	span.End()
	closed(t, p)
	if !strings.Contains(said.String(), "traces cannot be sent: spans_lost=1") {
		t.Errorf("%q", said.String())
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	if _, err := New(context.Background(), Options{Protocol: "grpc", Logger: hclog.NewNullLogger()}); err == nil || !strings.Contains(err.Error(), "4318") {
		t.Errorf("%v", err)
	}
}
