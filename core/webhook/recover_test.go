package webhook_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// run runs the service until stop is called.
func (b *bench) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

// stored puts a delivery into the store as a server leaves it that dies before it has
// created anything.
func (b *bench) stored(pipelineID string) *core.Delivery {
	b.Helper()
	away := error(core.Errorf(core.CodeUnavailable, "the store is away"))
	b.refuse.Store(&away)
	defer b.refuse.Store(nil)
	d := b.receive(b.incoming(pipelineID, "global", push()))
	b.wantStatus(d, core.DeliveryReceived, "")
	if n := len(b.executions()); n != 0 {
		b.Fatalf("%d executions", n)
	}
	return d
}

func inBubble(t *testing.T, test func(b *bench)) {
	t.Parallel()
	// The bench is made outside: its connection has goroutines of its own.
	b := newBench(t)
	synctest.Test(t, func(*testing.T) {
		b.restart() // the service's channels belong to the bubble
		test(b)
	})
}

// TestLeftOver: stored and not worked on, then the server died: the next one does it,
// once, also when the delivery comes again meanwhile.
func TestLeftOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
	d := b.stored(id)
	b.restart()
	again := b.incoming(id, "global", push(func(w *sdk.Webhook) { w.DeliveryID = d.SenderID }))
	stop := b.run()
	defer stop()
	got, same, err := b.Receive(t.Context(), again)
	if err != nil || !same || got.ID != d.ID || got.Status != core.DeliveryTriggered || got.Targets[0].ExecutionID != d.Targets[0].ExecutionID {
		t.Errorf("%v, %v, %+v", err, same, got)
	}
	b.restart()
	stopAgain := b.run()
	defer stopAgain()
	if n := len(b.executions()); n != 1 {
		t.Errorf("%d executions", n)
	}
}

// TestResume: a store that is away for a while; and a server that died after it had
// created the execution, of a pipeline that is gone since.
func TestResume(t *testing.T) {
	inBubble(t, func(b *bench) {
		id := b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
		d := core.Delivery{ID: "01936f3e-0000-7000-8000-000000000001", PipelineID: id, Connector: "test", SenderID: "a", Status: core.DeliveryReceived,
			Occurred: &core.ForgeEvent{Kind: core.EventPush, Branch: "main"}, ReceivedAt: time.Now(),
			Targets: []core.DeliveryTarget{{PipelineID: id, Type: core.TriggerGitPush, ExecutionID: "01936f3e-0000-7000-8000-0000000000aa"}}}
		if err := b.store.CreateDelivery(b.Context(), &d, nil); err != nil {
			b.Fatal(err)
		}
		done := d
		done.ID, done.SenderID = "01936f3e-0000-7000-8000-000000000002", "b"
		done.Targets = []core.DeliveryTarget{{PipelineID: "gone", Type: core.TriggerGitPush, ExecutionID: "01936f3e-0000-7000-8000-0000000000bb"}}
		if err := b.store.CreateDelivery(b.Context(), &done, nil); err != nil {
			b.Fatal(err)
		}
		if err := b.store.CreateExecution(b.Context(), &core.Execution{ID: done.Targets[0].ExecutionID, PipelineID: "gone"}); err != nil {
			b.Fatal(err)
		}
		away := errors.New("away")
		b.refuse.Store(&away)
		stop := b.run()
		defer stop()
		time.Sleep(10 * time.Second)
		b.wantStatus(&d, core.DeliveryReceived, "")
		b.wantStatus(&done, core.DeliveryTriggered, "")
		b.refuse.Store(nil)
		time.Sleep(5 * time.Second)
		b.wantStatus(&d, core.DeliveryTriggered, "")
		if n := len(b.executions()); n != 2 {
			b.Errorf("%d executions", n)
		}
	})
}

// TestHopeless: what no repetition mends is told, and not tried over and over.
func TestHopeless(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
	needs := error(core.Errorf(core.CodeInvalid, "parameter version has no value, and needs one"))
	b.refuse.Store(&needs)
	d := b.receive(b.incoming(id, "global", push()))
	b.wantStatus(d, core.DeliveryFailed, "parameter version")
	b.refuse.Store(nil)
	again, err := b.Redeliver(t.Context(), d.ID, id, "ann")
	if err != nil || again.Status != core.DeliveryTriggered || again.RedeliveryOf != d.ID || again.RedeliveredBy != "ann" {
		t.Errorf("%v, %+v", err, again)
	}
}

// TestRedeliver: with the triggers of now, each time a new execution.
func TestRedeliver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(on(core.TriggerGitPush, core.TriggerConfig{BranchPatterns: []string{"dev"}}))
	d := b.receive(b.incoming(id, "global", push()))
	b.wantStatus(d, core.DeliveryIgnored, `the branch "main" is none of dev`)
	p, err := b.store.Pipeline(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	p.Revision = 2
	spec := &core.Spec{Name: "p", Triggers: []core.Trigger{on(core.TriggerGitPush, core.TriggerConfig{Options: []byte(`{"a":1}`)})}}
	if err := b.store.UpdatePipeline(t.Context(), p, &core.PipelineRevision{PipelineID: id, Number: 2, Spec: spec}); err != nil {
		t.Fatal(err)
	}
	b.Changed(id)
	for n := 1; n <= 2; n++ {
		again, err := b.Redeliver(t.Context(), d.ID, id, "ann")
		if err != nil || again.Status != core.DeliveryTriggered || again.Occurred.Title != `{"a":1}` || len(b.executions()) != n {
			t.Fatalf("%v, %+v", err, again)
		}
	}
	if _, _, err := b.Receive(t.Context(), b.incoming(id, "wrong", push())); err == nil {
		t.Fatal("a wrong signature was taken")
	}
	refused, err := b.store.Deliveries(t.Context(), core.DeliveryFilter{PipelineID: id, Status: core.DeliveryRefused})
	if err != nil || len(refused) != 1 {
		t.Fatal(refused, err)
	}
	if _, err := b.Redeliver(t.Context(), refused[0].ID, id, "ann"); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("a refused one: %v", err)
	}
	if _, err := b.Redeliver(t.Context(), "none", id, "ann"); core.CodeOf(err) != core.CodeNotFound {
		t.Errorf("none: %v", err)
	}
}
