package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// shelved are hooks that take nothing in and have what a store keeps.
type shelved struct {
	quietHooks
	store core.DeliveryStore
}

func (s shelved) Redeliver(ctx context.Context, id, _, by string) (*core.Delivery, error) {
	d, err := s.store.Delivery(ctx, id)
	if err == nil && d.Status == core.DeliveryRefused {
		return nil, core.Errorf(core.CodeConflict, "what was refused is not redelivered")
	}
	if err == nil {
		d.RedeliveryOf, d.RedeliveredBy = d.ID, by
	}
	return d, err
}

func (s shelved) Body(ctx context.Context, d *core.Delivery) (io.ReadCloser, error) {
	body, err := s.store.DeliveryBody(ctx, d.ID)
	return io.NopCloser(bytes.NewReader(body)), err
}

// TestKeptDeliveries: a delivery is shown as it came, and comes again when somebody
// wants that.
func TestKeptDeliveries(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(h *handlers) {
		store := h.Store.(core.DeliveryStore)
		h.Webhooks, h.Deliveries = shelved{store: store}, store
	})
	pipeline := b.create()
	for id, status := range map[string]core.DeliveryStatus{"d1": core.DeliveryIgnored, "d2": core.DeliveryRefused} {
		d := &core.Delivery{ID: id, PipelineID: pipeline, Connector: "github", SenderID: "s-" + id, Event: "push", Headers: map[string]string{"x-github-event": "push"},
			Size: 2, Status: status, Reason: "no trigger wants it", ReceivedAt: time.Now().UTC()}
		if err := b.store.CreateDelivery(t.Context(), d, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	path := "/api/ci/pipelines/" + pipeline + "/webhook/deliveries"
	if list := decoded[[]Delivery](t, b.do("GET", path, "", "")); len(list) != 2 {
		t.Errorf("%+v", list)
	}
	if one := decoded[Delivery](t, b.do("GET", path+"/d1", "", "")); one.Id != "d1" || value(one.Reason) != "no trigger wants it" {
		t.Errorf("%+v", one)
	}
	if a := b.do("GET", path+"/d1/payload", "", ""); a.status != http.StatusOK || a.body != "{}" {
		t.Errorf("%+v", a)
	}
	for id, status := range map[string]int{"d1": http.StatusAccepted, "d2": http.StatusConflict, "d3": http.StatusNotFound} {
		if a := b.do("POST", path+"/"+id+"/redeliver", "", ""); a.status != status {
			t.Errorf("%s: %+v", id, a)
		}
	}
}

// TestSendersAreAnswered: what a connector finds wrong with a delivery.
func TestSendersAreAnswered(t *testing.T) {
	t.Parallel()
	for code, status := range map[core.ErrorCode]int{core.CodeInvalid: http.StatusBadRequest, core.CodeUnauthenticated: http.StatusUnauthorized} {
		b := newBench(t, func(h *handlers) { h.Webhooks = quietHooks{core.Errorf(code, "not like this")} })
		for _, path := range []string{"/api/webhooks/github", "/api/ci/pipelines/p/webhook"} {
			wantError(t, b.do("POST", path, jsonKey, "{}"), status)
		}
	}
}
