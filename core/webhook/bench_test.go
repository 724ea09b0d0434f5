package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/blob"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/trigger"
	"github.com/patchbay-ci/patchbay/core/webhook"
	"github.com/patchbay-ci/patchbay/sdk"
)

// reader is a connector whose deliveries are signed with a header and say in JSON what
// an sdk.Webhook has.
type reader struct{ *sdk.Actions }

func (reader) ParseWebhook(_ context.Context, r sdk.WebhookRequest) (sdk.Webhook, error) {
	if r.Secret != "" && r.Headers["x-test-signature"] != r.Secret {
		return sdk.Webhook{}, sdk.Errorf(sdk.ClassAuthentication, "the signature is not right")
	}
	var w sdk.Webhook
	if err := json.Unmarshal(r.Body, &w); err != nil {
		return w, sdk.Errorf(sdk.ClassInvalidConfig, "no JSON: %w", err)
	}
	if w.Occurred != nil && len(r.Config) > 0 {
		w.Occurred.Title = string(r.Config)
	}
	return w, nil
}

// connectors has one that knows its deliveries by a header, "test", one that does not,
// "webhook", and one that reads none.
type connectors struct {
	client *sdk.Client
	// gone is how many of the next calls find their process dead.
	gone  atomic.Int64
	calls atomic.Int64
}

func newConnectors(t testing.TB) *connectors {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	sdk.RegisterServer(server, reader{sdk.NewActions(sdk.Info{Name: "test", Version: "1.0.0", Summary: "for tests"},
		sdk.NewAction("none", "nothing", func(context.Context, sdk.Request[struct{}], *sdk.Session) (sdk.Result, error) {
			return sdk.Succeeded(), nil
		}))})
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
	})
	return &connectors{client: sdk.NewClient(conn)}
}

func (c *connectors) Use(_ context.Context, name string, do func(*sdk.Client, sdk.Info) error) error {
	c.calls.Add(1)
	switch {
	case name != "test" && name != "webhook":
		return sdk.Errorf(sdk.ClassNotFound, "connector %s is not installed", name)
	case c.gone.Add(-1) >= 0:
		return fmt.Errorf("in the middle: %w", sdk.ErrGone)
	}
	return do(c.client, sdk.Info{})
}

func (c *connectors) Connectors(context.Context) []*core.ConnectorInfo {
	return []*core.ConnectorInfo{{Name: "shell"}, {Name: "webhook", Webhook: &core.WebhookInfo{}},
		{Name: "test", Webhook: &core.WebhookInfo{Headers: []string{"x-test-event"}}}}
}

// keeper has secrets by "scope/NAME".
type keeper map[string]string

func (k keeper) Resolve(_ context.Context, pipelineID string, names []string) (map[string]string, error) {
	values := map[string]string{}
	for _, name := range names {
		value, found := k[pipelineID+"/"+name]
		if !found {
			value, found = k["/"+name]
		}
		if !found {
			return nil, core.NotFound("secret", name)
		}
		values[name] = value
	}
	return values, nil
}

// bench is a service over a memory store with a real trigger.
type bench struct {
	testing.TB
	*webhook.Service
	store      *memory.Store
	connectors *connectors
	secrets    keeper
	// refuse is what a trigger answers before it does anything; nil for nothing.
	refuse atomic.Pointer[error]
	mu     sync.Mutex
	count  int
}

// Trigger implements core.Triggerer.
func (b *bench) Trigger(ctx context.Context, r core.TriggerRequest) (*core.Execution, error) {
	if err := b.refuse.Load(); err != nil {
		return nil, *err
	}
	return trigger.New(b.store, func(*core.Execution) {}).Trigger(ctx, r)
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, store: memory.New(), connectors: newConnectors(t), secrets: keeper{"/WEBHOOK_SECRET": "global"}}
	b.restart()
	return b
}

// restart is what a new process of the server has: the store and nothing else.
func (b *bench) restart() {
	b.Helper()
	blobs, err := blob.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Service = webhook.New(webhook.Options{Store: b.store, Blobs: blobs, Connectors: b.connectors, Secrets: b.secrets, Trigger: b, Logger: hclog.NewNullLogger()})
}

func on(kind core.TriggerType, config core.TriggerConfig) core.Trigger {
	return core.Trigger{Type: kind, Config: config}
}

// create makes a pipeline and returns its ID.
func (b *bench) create(triggers ...core.Trigger) string {
	b.Helper()
	p := &core.Pipeline{ID: uuid.Must(uuid.NewV7()).String(), Name: "p", Revision: 1}
	spec := &core.Spec{Name: "p", Triggers: triggers}
	if err := b.store.CreatePipeline(b.Context(), p, &core.PipelineRevision{PipelineID: p.ID, Number: 1, Spec: spec}); err != nil {
		b.Fatal(err)
	}
	b.Changed(p.ID)
	return p.ID
}

// push is a delivery of a push to main.
func push(change ...func(w *sdk.Webhook)) sdk.Webhook {
	w := sdk.Webhook{Event: "push", Occurred: &sdk.WebhookEvent{Kind: sdk.EventPush, Repository: "acme/site",
		RepositoryURL: "https://git.example.com/acme/site", Branch: "main", Commit: "abc", Message: "a change"}}
	for _, c := range change {
		c(&w)
	}
	return w
}

// incoming signs a delivery; the ID is a new one unless it has one.
func (b *bench) incoming(pipelineID, secret string, w sdk.Webhook) core.IncomingDelivery {
	b.Helper()
	b.mu.Lock()
	b.count++
	if w.DeliveryID == "" {
		w.DeliveryID = fmt.Sprintf("sender-%d", b.count)
	}
	b.mu.Unlock()
	body, err := json.Marshal(w)
	if err != nil {
		b.Fatal(err)
	}
	in := core.IncomingDelivery{PipelineID: pipelineID, Body: body, Headers: map[string]string{"x-test-event": w.Event, "x-test-signature": secret,
		"authorization": "Bearer x", "cookie": "a=b", "x-gitlab-token": "t", "user-agent": "sender"}}
	if pipelineID == "" {
		in.Connector = "test"
	}
	return in
}

// receive takes a delivery that must be let in.
func (b *bench) receive(in core.IncomingDelivery) *core.Delivery {
	b.Helper()
	d, _, err := b.Receive(b.Context(), in)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// executions lists what was created, the newest first.
func (b *bench) executions() []*core.Execution {
	b.Helper()
	list, err := b.store.Executions(context.Background(), core.ExecutionFilter{})
	if err != nil {
		b.Fatal(err)
	}
	return list
}

func (b *bench) wantStatus(d *core.Delivery, status core.DeliveryStatus, reason string) {
	b.Helper()
	stored, err := b.store.Delivery(b.Context(), d.ID)
	if err != nil {
		b.Fatal(err)
	}
	if stored.Status != status || !strings.Contains(stored.Reason, reason) {
		b.Errorf("%s %q, want %s %q", stored.Status, stored.Reason, status, reason)
	}
}
