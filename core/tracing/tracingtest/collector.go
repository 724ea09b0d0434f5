// Package tracingtest has an OpenTelemetry collector for tests: it takes OTLP over HTTP
// (opentelemetry-proto, collector/trace/v1) and keeps the spans.
package tracingtest

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxBody bounds what one request may bring, in bytes.
const maxBody = 16 << 20

// patience is how long Await waits.
const patience = time.Minute

// Span is one that was sent. IDs are in hexadecimal.
type Span struct {
	Name, Kind        string
	Trace, ID, Parent string
	Start, End        time.Time
	Failed            bool
	Message           string
	Attributes        map[string]string
}

// Collector is a collector on a port of its own. It is safe for concurrent use.
type Collector struct {
	// URL is the base URL, as OTEL_EXPORTER_OTLP_ENDPOINT takes it.
	URL string
	t   testing.TB

	mu       sync.Mutex
	spans    []Span
	resource map[string]string
	changed  chan struct{}
	refuse   int
}

// New starts one that ends with the test.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{t: t, resource: map[string]string{}, changed: make(chan struct{})}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Refuse makes it answer with a status and keep nothing.
func (c *Collector) Refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = status
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var message collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &message)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("this is no OTLP: %s %s: %v", r.Method, r.URL, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != 0 {
		w.WriteHeader(c.refuse)
		return
	}
	for _, from := range message.GetResourceSpans() {
		for name, text := range texts(from.GetResource().GetAttributes()) {
			c.resource[name] = text
		}
		for _, scope := range from.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, spanOf(s))
			}
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

func spanOf(s *otlp.Span) Span {
	return Span{Name: s.GetName(), Kind: s.GetKind().String(), Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()),
		Parent: hex.EncodeToString(s.GetParentSpanId()), Start: time.Unix(0, int64(s.GetStartTimeUnixNano())), End: time.Unix(0, int64(s.GetEndTimeUnixNano())),
		Failed: s.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR, Message: s.GetStatus().GetMessage(), Attributes: texts(s.GetAttributes())}
}

func texts(list []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range list {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[a.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			out[a.GetKey()] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_DoubleValue:
			out[a.GetKey()] = fmt.Sprint(v.DoubleValue)
		case *common.AnyValue_BoolValue:
			out[a.GetKey()] = fmt.Sprint(v.BoolValue)
		}
	}
	return out
}

// Spans are those that were sent until now.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Resource is what the senders said of themselves.
func (c *Collector) Resource(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resource[name]
}

// Await waits for a span of a name and returns the first.
func (c *Collector) Await(name string) Span {
	c.t.Helper()
	late := time.After(patience)
	for {
		c.mu.Lock()
		at, changed := slices.IndexFunc(c.spans, func(s Span) bool { return s.Name == name }), c.changed
		all := slices.Clone(c.spans)
		c.mu.Unlock()
		if at >= 0 {
			return all[at]
		}
		select {
		case <-changed:
		case <-late:
			c.t.Fatalf("no span %q came; there are %+v", name, all)
		}
	}
}
