// Package tracing sends spans to an OpenTelemetry collector, over OTLP. It is all that
// knows of OpenTelemetry: the rest of the server makes its spans through core.Tracer,
// and connectors see W3C headers.
package tracing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/patchbay-ci/patchbay/core"
)

// Options are the settings of a Provider. What they leave open is read from the
// standard variables: OTEL_EXPORTER_OTLP_* (endpoint, headers, certificates, time
// limits), OTEL_TRACES_SAMPLER, OTEL_BSP_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
type Options struct {
	// Endpoint is a collector's base URL, "http://127.0.0.1:4318". Empty means the
	// variables'.
	Endpoint string
	// Protocol is that of OTEL_EXPORTER_OTLP_PROTOCOL: empty, or "http/protobuf".
	Protocol string
	Version  string
	Logger   hclog.Logger
}

// Provider implements core.Tracer. It is safe for concurrent use. Spans wait in a
// bounded queue and are sent in the background: a collector that is slow or away costs
// spans, and holds nobody up.
type Provider struct {
	sdk    *sdktrace.TracerProvider
	tracer trace.Tracer
}

var _ core.Tracer = (*Provider)(nil)

// New makes a Provider. It connects to nothing yet, and fails for settings that cannot
// be: a protocol other than OTLP over HTTP, an endpoint that is no URL.
func New(ctx context.Context, o Options) (*Provider, error) {
	if o.Protocol != "" && o.Protocol != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; traces are sent as http/protobuf only: collectors listen for it on port 4318", o.Protocol)
	}
	var options []otlptracehttp.Option
	if o.Endpoint != "" {
		options = append(options, otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.Endpoint, "/")+"/v1/traces"))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "patchbay"), attribute.String("service.version", o.Version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(&patientExporter{SpanExporter: exporter, log: o.Logger}),
		sdktrace.WithResource(about), sdktrace.WithIDGenerator(keyedIDs{}))
	return &Provider{sdk: provider, tracer: provider.Tracer("github.com/patchbay-ci/patchbay", trace.WithInstrumentationVersion(o.Version))}, nil
}

// Close sends what waits, until ctx is done.
func (p *Provider) Close(ctx context.Context) error { return p.sdk.Shutdown(ctx) }

// kinds translates core's kinds of spans.
var kinds = map[core.SpanKind]trace.SpanKind{core.SpanInternal: trace.SpanKindInternal, core.SpanServer: trace.SpanKindServer,
	core.SpanClient: trace.SpanKindClient, core.SpanProducer: trace.SpanKindProducer}

// StartSpan implements core.Tracer.
func (p *Provider) StartSpan(ctx context.Context, start core.SpanStart) (context.Context, core.Span) {
	above := withParent(ctx, core.TraceOf(ctx))
	if start.Key != "" || start.ID != [8]byte{} {
		above = context.WithValue(above, wantedKey{}, wanted{start.Key, start.ID})
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(kinds[start.Kind]), trace.WithAttributes(attributes(start.Attributes)...)}
	if !start.At.IsZero() {
		options = append(options, trace.WithTimestamp(start.At))
	}
	_, made := p.tracer.Start(above, start.Name, options...)
	return core.WithTrace(ctx, placeOf(made.SpanContext())), &span{made}
}

// withParent says to the SDK below what a span begins. What it knew from ctx itself is
// of no interest: core's is the truth.
func withParent(ctx context.Context, parent core.TraceContext) context.Context {
	var flags trace.TraceFlags
	state, err := trace.ParseTraceState(parent.State)
	if err != nil {
		state = trace.TraceState{}
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: parent.TraceID, SpanID: parent.SpanID,
		TraceFlags: flags.WithSampled(parent.Sampled), TraceState: state}))
}

func placeOf(c trace.SpanContext) core.TraceContext {
	return core.TraceContext{TraceID: c.TraceID(), SpanID: c.SpanID(), Sampled: c.IsSampled(), State: c.TraceState().String()}
}

// span implements core.Span.
type span struct{ made trace.Span }

// maxMessage bounds what a span says of a failure, in bytes.
const maxMessage = 1 << 10

func (s *span) Rename(name string) { s.made.SetName(name) }
func (s *span) Set(attributesOf ...core.SpanAttribute) {
	s.made.SetAttributes(attributes(attributesOf)...)
}
func (s *span) End()               { s.made.End() }
func (s *span) EndAt(at time.Time) { s.made.End(trace.WithTimestamp(at)) }
func (s *span) Fail(message string) {
	s.made.SetStatus(codes.Error, strings.ToValidUTF8(message[:min(len(message), maxMessage)], "\uFFFD"))
}

func attributes(list []core.SpanAttribute) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(list))
	for _, a := range list {
		switch value := a.Value.(type) {
		case string:
			out = append(out, attribute.String(a.Name, strings.ToValidUTF8(value, "\uFFFD")))
		case int64:
			out = append(out, attribute.Int64(a.Name, value))
		case float64:
			out = append(out, attribute.Float64(a.Name, value))
		case bool:
			out = append(out, attribute.Bool(a.Name, value))
		default:
			out = append(out, attribute.String(a.Name, fmt.Sprint(value)))
		}
	}
	return out
}

// patientExporter says in the log that spans cannot be sent, but not each time.
type patientExporter struct {
	sdktrace.SpanExporter
	log hclog.Logger
	// said is when it was said the last time. The SDK exports one batch at a time.
	said time.Time
	lost int
}

// sayEvery is how often the log hears of a collector that is away.
const sayEvery = time.Minute

// ExportSpans implements sdktrace.SpanExporter. The SDK would hand an error to a
// handler that all of the process shares; so there is none.
func (p *patientExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := p.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	p.lost += len(spans)
	if time.Since(p.said) >= sayEvery {
		p.log.Warn("traces cannot be sent", "spans_lost", p.lost, "error", err)
		p.said, p.lost = time.Now(), 0
	}
	return nil
}
