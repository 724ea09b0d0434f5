package tracing

import (
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/patchbay-ci/patchbay/core"
)

// receiver is a collector that keeps what it is sent.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	spans    map[string]*otlp.Span
	resource map[string]string
	status   int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{spans: map[string]*otlp.Span{}, resource: map[string]string{}, status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		var message collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &message)
		}
		if err != nil || request.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", request.URL, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, from := range message.GetResourceSpans() {
			for _, a := range from.GetResource().GetAttributes() {
				r.resource[a.GetKey()] = a.GetValue().GetStringValue()
			}
			for _, scope := range from.GetScopeSpans() {
				for _, s := range scope.GetSpans() {
					r.spans[s.GetName()] = s
				}
			}
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func newProvider(t *testing.T, endpoint string, log hclog.Logger) *Provider {
	t.Helper()
	p, err := New(t.Context(), Options{Endpoint: endpoint, Version: "1.2.3", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSpansArrive(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	p := newProvider(t, r.URL+"/", hclog.NewNullLogger())
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
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, second := r.spans["outer"], r.spans["inner"]
	if len(r.spans) != 2 || hex.EncodeToString(first.GetParentSpanId()) != "b7ad6b7169203331" || string(second.GetParentSpanId()) != string(first.GetSpanId()) {
		t.Fatalf("%v", r.spans)
	}
	if first.GetStartTimeUnixNano() != uint64(began.UnixNano()) || first.GetKind() != otlp.Span_SPAN_KIND_SERVER || len(first.GetAttributes()) != 4 {
		t.Errorf("%v", first)
	}
	if s := second.GetStatus(); s.GetCode() != otlp.Status_STATUS_CODE_ERROR || len(s.GetMessage()) > maxMessage+3 {
		t.Errorf("%d bytes of %v", len(s.GetMessage()), s.GetCode())
	}
	if r.resource["service.name"] != "patchbay" || r.resource["service.version"] != "1.2.3" {
		t.Errorf("%v", r.resource)
	}
}

// Who goes on with a span after a restart makes the same one.
func TestKeysMakeTheSameSpan(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	places := map[core.TraceContext]bool{}
	for range 2 {
		p := newProvider(t, r.URL, hclog.NewNullLogger())
		ctx, _ := p.StartSpan(t.Context(), core.SpanStart{Name: "a", Key: "execution 1"})
		places[core.TraceOf(ctx)] = true
		other, _ := p.StartSpan(t.Context(), core.SpanStart{Name: "b", Key: "execution 2"})
		if core.TraceOf(other).TraceID == core.TraceOf(ctx).TraceID {
			t.Error("two executions in one trace")
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(places) != 1 || len(r.spans) != 0 {
		t.Errorf("%d places; %d spans that never ended", len(places), len(r.spans))
	}
}

// What the caller does not record is not recorded here, and goes on as that.
func TestNotSampled(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	p := newProvider(t, r.URL, hclog.NewNullLogger())
	above := core.ParseTraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "")
	ctx, span := p.StartSpan(core.WithTrace(t.Context(), above), core.SpanStart{Name: "x"})
	span.End()
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if place := core.TraceOf(ctx); place.Sampled || place.TraceID != above.TraceID || len(r.spans) != 0 {
		t.Errorf("%+v, %d spans", place, len(r.spans))
	}
}

func TestCollectorThatRefuses(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.status = http.StatusBadRequest
	var said strings.Builder
	p := newProvider(t, r.URL, hclog.New(&hclog.LoggerOptions{Output: &said}))
	_, span := p.StartSpan(t.Context(), core.SpanStart{Name: "x"})
	span.End()
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
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
