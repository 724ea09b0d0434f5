package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

func deliverySuite() map[string]func(*testing.T, core.Store) {
	return map[string]func(*testing.T, core.Store){
		"deliveries":                deliveries,
		"deliveries of a pipeline":  deliveriesOfPipeline,
		"a delivery comes once":     deliveryOnce,
		"delivery updates":          deliveryUpdates,
		"deliveries: every field":   everyDeliveryField,
		"deliveries: blobs in use":  deliveryBlobs,
		"deliveries: bounds":        deliveryBounds,
		"deliveries: many go":       manyDeliveriesGo,
		"deliveries: nothing there": noDeliveryThere,
	}
}

func newDelivery(pipelineID string) *core.Delivery {
	d := &core.Delivery{ID: newID(), PipelineID: pipelineID, Connector: "github", Event: "push", Size: 10,
		Status: core.DeliveryIgnored, ReceivedAt: moment()}
	d.SenderID = "sender of " + d.ID
	return d
}

func idsOf(list []*core.Delivery) []string {
	ids := []string{}
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

func deliveries(t *testing.T, s core.Store) {
	ctx := t.Context()
	d := newDelivery("p")
	body := []byte("\x00\xffbody")
	must(t, s.CreateDelivery(ctx, d, body))
	if d.Version != 1 {
		t.Errorf("version %d", d.Version)
	}
	body[0] = 'x'
	got, err := s.Delivery(ctx, d.ID)
	must(t, err)
	same(t, d, got)
	got, err = s.DeliveryBySender(ctx, "p", d.SenderID)
	must(t, err)
	same(t, d, got)
	kept, err := s.DeliveryBody(ctx, d.ID)
	must(t, err)
	same(t, "\x00\xffbody", string(kept))
	large := newDelivery("p")
	must(t, s.CreateDelivery(ctx, large, bytes.Repeat([]byte{0xfe}, 1<<20)))
	kept, err = s.DeliveryBody(ctx, large.ID)
	must(t, err)
	if len(kept) != 1<<20 {
		t.Errorf("%d bytes came back", len(kept))
	}
	none := newDelivery("p")
	must(t, s.CreateDelivery(ctx, none, nil))
	kept, err = s.DeliveryBody(ctx, none.ID)
	must(t, err)
	if kept != nil {
		t.Errorf("a body of nothing: %q", kept)
	}
}

// deliveriesOfPipeline: those of its own address, and those of a connector's address
// that start it.
func deliveriesOfPipeline(t *testing.T, s core.Store) {
	ctx := t.Context()
	var own []string
	for range 3 {
		d := newDelivery("p")
		must(t, s.CreateDelivery(ctx, d, nil))
		own = append(own, d.ID)
	}
	must(t, s.CreateDelivery(ctx, newDelivery("other"), nil))
	central := newDelivery("")
	central.Status = core.DeliveryTriggered
	central.Targets = []core.DeliveryTarget{{PipelineID: "p"}, {PipelineID: "third"}}
	must(t, s.CreateDelivery(ctx, central, nil))
	own = append(own, central.ID)
	slices.Reverse(own)
	for name, c := range map[string]struct {
		filter core.DeliveryFilter
		want   []string
	}{
		"pipeline":            {core.DeliveryFilter{PipelineID: "p"}, own},
		"first page":          {core.DeliveryFilter{PipelineID: "p", Page: core.Page{Limit: 2}}, own[:2]},
		"next page":           {core.DeliveryFilter{PipelineID: "p", Page: core.Page{Limit: 2, After: own[1]}}, own[2:]},
		"pipeline and status": {core.DeliveryFilter{PipelineID: "p", Status: core.DeliveryTriggered}, own[:1]},
		"a target only":       {core.DeliveryFilter{PipelineID: "third"}, own[:1]},
		"connector":           {core.DeliveryFilter{Connector: "github"}, own[:1]},
		"another connector":   {core.DeliveryFilter{Connector: "gitlab"}, []string{}},
		"none":                {core.DeliveryFilter{PipelineID: "none"}, []string{}},
	} {
		got, err := s.Deliveries(ctx, c.filter)
		must(t, err)
		if !slices.Equal(idsOf(got), c.want) {
			t.Errorf("%s: got %v, want %v", name, idsOf(got), c.want)
		}
	}
	all, err := s.Deliveries(ctx, core.DeliveryFilter{})
	must(t, err)
	if len(all) != 5 {
		t.Errorf("%d in all", len(all))
	}
}

// deliveryOnce: of many with the same ID of the sender one is stored; elsewhere the
// same ID is another delivery.
func deliveryOnce(t *testing.T, s core.Store) {
	ctx := t.Context()
	var group sync.WaitGroup
	outcomes := make(chan error, 16)
	for range 16 {
		group.Go(func() {
			d := newDelivery("p")
			d.SenderID = "same"
			outcomes <- s.CreateDelivery(ctx, d, []byte("x"))
		})
	}
	group.Wait()
	close(outcomes)
	won := 0
	for err := range outcomes {
		if err == nil {
			won++
		} else {
			refused(t, core.CodeConflict, err)
		}
	}
	if won != 1 {
		t.Errorf("%d were stored", won)
	}
	for _, scope := range []string{"q", ""} {
		d := newDelivery(scope)
		d.SenderID = "same"
		must(t, s.CreateDelivery(ctx, d, nil))
	}
	other := newDelivery("")
	other.SenderID, other.Connector = "same", "gitlab"
	must(t, s.CreateDelivery(ctx, other, nil))
	list, err := s.Deliveries(ctx, core.DeliveryFilter{PipelineID: "p"})
	must(t, err)
	if len(list) != 1 {
		t.Errorf("%d in the list", len(list))
	}
}

func deliveryUpdates(t *testing.T, s core.Store) {
	ctx := t.Context()
	d := newDelivery("")
	d.Status = core.DeliveryReceived
	must(t, s.CreateDelivery(ctx, d, []byte("kept")))
	stale := *d
	d.Status, d.Targets = core.DeliveryTriggered, []core.DeliveryTarget{{PipelineID: "p", ExecutionID: "e"}}
	must(t, s.UpdateDelivery(ctx, d))
	if d.Version != 2 {
		t.Errorf("version %d", d.Version)
	}
	refused(t, core.CodeConflict, s.UpdateDelivery(ctx, &stale))
	got, err := s.Delivery(ctx, d.ID)
	must(t, err)
	same(t, d, got)
	body, err := s.DeliveryBody(ctx, d.ID)
	must(t, err)
	same(t, "kept", string(body))
	list, err := s.Deliveries(ctx, core.DeliveryFilter{PipelineID: "p", Status: core.DeliveryTriggered})
	must(t, err)
	same(t, []*core.Delivery{d}, list)
	waiting, err := s.Deliveries(ctx, core.DeliveryFilter{Status: core.DeliveryReceived})
	must(t, err)
	same(t, []*core.Delivery{}, waiting)
}

func everyDeliveryField(t *testing.T, s core.Store) {
	ctx := t.Context()
	d := filled[core.Delivery](t)
	must(t, s.CreateDelivery(ctx, d, []byte("x")))
	for range 2 {
		got, err := s.Delivery(ctx, d.ID)
		must(t, err)
		same(t, d, got)
		list, err := s.Deliveries(ctx, core.DeliveryFilter{})
		must(t, err)
		same(t, []*core.Delivery{d}, list)
		got.Occurred.ChangedPaths[0], got.Targets[0].Error = "spoilt", "spoilt"
		clear(got.Headers)
		must(t, s.UpdateDelivery(ctx, d))
	}
}

func deliveryBlobs(t *testing.T, s core.Store) {
	ctx := t.Context()
	for hash, inBlob := range map[string]bool{"of a": true, "of b": false} {
		d := newDelivery("p")
		d.SHA256, d.InBlob = hash, inBlob
		must(t, s.CreateDelivery(ctx, d, nil))
	}
	got := []string{}
	must(t, s.BlobsInUse(ctx, func(hash string) { got = append(got, hash) }))
	same(t, []string{"of a"}, got)
}

// deliveryBounds: what is too old or too much goes, the oldest first, refused ones by a
// count of their own, and what waits to be worked on never.
func deliveryBounds(t *testing.T, s core.Store) {
	ctx := t.Context()
	now := moment()
	create := func(status core.DeliveryStatus, size int64, age time.Duration) string {
		d := newDelivery("p")
		d.Status, d.Size, d.ReceivedAt = status, size, now.Add(-age)
		must(t, s.CreateDelivery(ctx, d, nil))
		return d.ID
	}
	waits := create(core.DeliveryReceived, 10, 2*time.Hour)
	create(core.DeliveryIgnored, 10, 2*time.Hour)
	counted := create(core.DeliveryTriggered, 10, 0)
	large := create(core.DeliveryFailed, 80, 0)
	newest := create(core.DeliveryTriggered, 10, 0)
	create(core.DeliveryRefused, 0, 0)
	turned := create(core.DeliveryRefused, 0, 0)
	prune := func(want []string, bounds core.DeliveryBounds) {
		t.Helper()
		before, err := s.Deliveries(ctx, core.DeliveryFilter{PipelineID: "p"})
		must(t, err)
		n, err := s.PruneDeliveries(ctx, bounds)
		must(t, err)
		left, err := s.Deliveries(ctx, core.DeliveryFilter{PipelineID: "p"})
		must(t, err)
		if !slices.Equal(idsOf(left), want) || len(before)-len(left) != n {
			t.Errorf("%+v: left %v (removed %d), want %v", bounds, idsOf(left), n, want)
		}
	}
	hour, plenty := now.Add(-time.Hour), int64(1000)
	prune([]string{turned, newest, large, counted, waits}, core.DeliveryBounds{Before: hour, Count: 100, Refused: 1, Bytes: plenty})
	prune([]string{turned, newest, large, counted, waits}, core.DeliveryBounds{Before: hour, Count: 3, Refused: 1, Bytes: plenty})
	prune([]string{turned, newest, large, waits}, core.DeliveryBounds{Before: hour, Count: 2, Refused: 1, Bytes: plenty})
	prune([]string{turned, newest, waits}, core.DeliveryBounds{Before: hour, Count: 2, Refused: 1, Bytes: 89})
	prune([]string{waits}, core.DeliveryBounds{Before: now.Add(time.Hour), Count: 2, Refused: 1, Bytes: plenty})
	d := newDelivery("p") // the ID of one that is gone is new again
	d.SenderID = "sender of " + newest
	must(t, s.CreateDelivery(ctx, d, nil))
}

func manyDeliveriesGo(t *testing.T, s core.Store) {
	ctx := t.Context()
	const many = 1200
	together(t, many, func(int) error { return s.CreateDelivery(ctx, newDelivery("p"), []byte("x")) })
	n, err := s.PruneDeliveries(ctx, core.DeliveryBounds{Before: moment().Add(-time.Hour), Count: 10, Bytes: 1 << 30})
	must(t, err)
	left, err := s.Deliveries(ctx, core.DeliveryFilter{Page: core.Page{Limit: core.MaxPageLimit}})
	must(t, err)
	same(t, fmt.Sprint(many-10, 10), fmt.Sprint(n, len(left)))
}

func noDeliveryThere(t *testing.T, s core.Store) {
	ctx := t.Context()
	_, err := s.Delivery(ctx, "none")
	refused(t, core.CodeNotFound, err)
	_, err = s.DeliveryBySender(ctx, "none", "none")
	refused(t, core.CodeNotFound, err)
	_, err = s.DeliveryBody(ctx, "none")
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.UpdateDelivery(ctx, newDelivery("p")))
	list, err := s.Deliveries(ctx, core.DeliveryFilter{})
	must(t, err)
	same(t, []*core.Delivery{}, list)
	n, err := s.PruneDeliveries(ctx, core.DeliveryBounds{})
	must(t, err)
	same(t, 0, n)
}
