package webhook_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// TestReceive: what is stored, and what steps are told.
func TestReceive(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
	in := b.incoming(id, "global", push(func(w *sdk.Webhook) {
		w.Occurred.Author, w.Occurred.ChangedPaths, w.Occurred.ChangedPathsKnown = "ann", []string{"a"}, true
		w.Occurred.Title = "a\nchange"
		w.Occurred.Variables = map[string]string{"COMMIT_BEFORE": "aaa\x00", "not a name": "x", "PATH": "/evil"}
	}))
	d := b.receive(in)
	if d.Status != core.DeliveryTriggered || len(d.Targets) != 1 {
		t.Fatalf("%+v", d)
	}
	e, err := b.store.Execution(t.Context(), d.Targets[0].ExecutionID)
	if err != nil {
		t.Fatal(err)
	}
	want := core.TriggerInfo{Type: core.TriggerGitPush, TriggeredBy: "test push by ann", CommitHash: "abc", Branch: "main", Repository: "acme/site", Connector: "test",
		ChangedPaths: []string{"a"}, DeliveryID: d.ID, Variables: map[string]string{"CI_COMMIT_BEFORE": "aaa", "CI_PATH": "/evil", "CI_WEBHOOK_EVENT": "push",
			"CI_DELIVERY_ID": d.ID, "CI_REPOSITORY_URL": "https://git.example.com/acme/site", "CI_COMMIT_TITLE": "a change", "CI_COMMIT_MESSAGE": "a change", "CI_COMMIT_AUTHOR": "ann"}}
	if diff := cmp.Diff(want, e.Trigger); diff != "" {
		t.Error(diff)
	}
	stored, err := b.store.Delivery(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"x-test-event": "push", "user-agent": "sender"}, stored.Headers); diff != "" {
		t.Errorf("headers: %s", diff)
	}
	body, err := b.Body(t.Context(), stored)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := io.ReadAll(body); err != nil || !bytes.Equal(kept, in.Body) {
		t.Errorf("the body is %q, %v", kept, err)
	}
}

// TestSecrets: which secret counts where, and that every refusal is the same to who
// gets it, and none to who may read deliveries.
func TestSecrets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	plain := b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
	own := b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
	named := b.create(on(core.TriggerGitPush, core.TriggerConfig{Secret: "HOOK"}))
	missing := b.create(on(core.TriggerGitPush, core.TriggerConfig{Secret: "NOT_THERE"}))
	open := b.create(on(core.TriggerGitPush, core.TriggerConfig{AllowUnsigned: true}))
	silent := b.create(on(core.TriggerManual, core.TriggerConfig{}))
	b.secrets[own+"/WEBHOOK_SECRET"], b.secrets[named+"/HOOK"] = "own", "hook"
	var refusals []string
	for _, c := range []struct {
		pipeline, secret, why string
		in                    bool
	}{
		{plain, "global", "", true}, {plain, "wrong", "not right", false}, {plain, "", "not right", false},
		{own, "own", "", true}, {own, "global", "not right", false}, {named, "hook", "", true}, {named, "global", "not right", false},
		{missing, "", "no secret NOT_THERE", false}, {missing, "global", "no secret NOT_THERE", false},
		{open, "", "", true}, {open, "anything", "", true}, {silent, "global", "no trigger for deliveries of test", false}, {"no-such-pipeline", "global", "", false},
	} {
		d, _, err := b.Receive(t.Context(), b.incoming(c.pipeline, c.secret, push()))
		if c.in {
			if err != nil || d.Status != core.DeliveryTriggered {
				t.Errorf("%+v: %v, %+v", c, err, d)
			}
			continue
		}
		var e *core.Error
		if !errors.As(err, &e) || e.Code != core.CodeUnauthenticated {
			t.Fatalf("%+v: %v, %+v", c, err, d)
		}
		refusals = append(refusals, e.Message+e.Details+strings.Join(e.Suggestions, ""))
		list, err := b.store.Deliveries(t.Context(), core.DeliveryFilter{PipelineID: c.pipeline, Status: core.DeliveryRefused})
		if err != nil {
			t.Fatal(err)
		}
		if c.why != "" && (len(list) == 0 || !strings.Contains(list[0].Reason, c.why)) {
			t.Errorf("%+v: noted %+v", c, list)
		}
		if c.why == "" && len(list) > 0 {
			t.Errorf("a pipeline that is not there has deliveries")
		}
	}
	for _, text := range refusals {
		if text != refusals[0] {
			t.Errorf("refusals differ:\n%s\n%s", refusals[0], text)
		}
	}
}

// TestUnreadable: a genuine delivery that makes no sense, and a connector that cannot
// be used.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
	in := b.incoming(id, "global", push())
	in.Body = in.Body[:len(in.Body)/2]
	if _, _, err := b.Receive(t.Context(), in); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("truncated: %v", err)
	}
	in.Headers["x-test-signature"] = "wrong"
	if _, _, err := b.Receive(t.Context(), in); core.CodeOf(err) != core.CodeUnauthenticated {
		t.Errorf("truncated and not signed: %v", err)
	}
	away := b.create(on(core.TriggerWebhook, core.TriggerConfig{Connector: "away"}))
	in = b.incoming(away, "global", push())
	delete(in.Headers, "x-test-event")
	if _, _, err := b.Receive(t.Context(), in); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("a connector that is not installed: %v", err)
	}
	for gone, want := range map[int64]core.ErrorCode{2: "", 3: core.CodeUnavailable} {
		b.connectors.gone.Store(gone)
		if _, _, err := b.Receive(t.Context(), b.incoming(id, "global", push())); core.CodeOf(err) != want {
			t.Errorf("a connector that dies %d times: %v", gone, err)
		}
		b.connectors.gone.Store(0)
	}
	if n := len(b.executions()); n != 1 {
		t.Errorf("%d executions", n)
	}
}

// TestOnce: one delivery many times, at once and later, is one execution; at another
// pipeline it is another delivery.
func TestOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, other := b.create(on(core.TriggerGitPush, core.TriggerConfig{})), b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
	same := func(w *sdk.Webhook) { w.DeliveryID = "same" }
	var group sync.WaitGroup
	var mu sync.Mutex
	first := 0
	for range 20 {
		group.Go(func() {
			d, again, err := b.Receive(t.Context(), b.incoming(id, "global", push(same)))
			if err != nil || len(d.Targets) != 1 || d.Status != core.DeliveryTriggered {
				t.Errorf("%v, %+v", err, d)
			}
			mu.Lock()
			defer mu.Unlock()
			if !again {
				first++
			}
		})
	}
	group.Wait()
	if n := len(b.executions()); n != 1 || first != 1 {
		t.Errorf("%d executions, %d were the first", n, first)
	}
	b.restart()
	if _, again, err := b.Receive(t.Context(), b.incoming(id, "global", push(same))); !again || err != nil {
		t.Errorf("after a restart: %v, %v", again, err)
	}
	b.receive(b.incoming(other, "global", push(same)))
	if n := len(b.executions()); n != 2 {
		t.Errorf("%d executions of two pipelines", n)
	}
}

// TestConnectorAddress: which pipelines a delivery to a connector's address starts.
func TestConnectorAddress(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	site := core.TriggerConfig{Repository: "acme/site"}
	wanted := []string{b.create(on(core.TriggerGitPush, site)), b.create(on(core.TriggerGitPush, core.TriggerConfig{Repository: "Acme/*"})),
		b.create(on(core.TriggerGitPush, core.TriggerConfig{Repository: "https://git.example.com/acme/site.git"}))}
	own := b.create(on(core.TriggerGitPush, site)) // its own secret is for its own address
	b.secrets[own+"/WEBHOOK_SECRET"] = "own"
	wanted = append(wanted, own)
	for _, config := range []core.TriggerConfig{{}, {Repository: "acme/other"}, {Repository: "https://evil.example.com/acme/site"}, {Repository: "acme/site", AllowUnsigned: true},
		{Repository: "acme/site", Secret: "NOT_THERE"}, {Repository: "acme/site", Connector: "webhook"}, {Repository: "acme/site", BranchPatterns: []string{"dev"}}} {
		b.create(on(core.TriggerGitPush, config))
	}
	for _, secret := range []string{"own", "wrong", ""} {
		if _, _, err := b.Receive(t.Context(), b.incoming("", secret, push())); core.CodeOf(err) != core.CodeUnauthenticated {
			t.Errorf("%q: %v", secret, err)
		}
	}
	d := b.receive(b.incoming("", "global", push()))
	if diff := cmp.Diff(wanted, d.PipelineIDs()); diff != "" {
		t.Error(diff)
	}
	// What changes counts at once.
	late := b.create(on(core.TriggerGitPush, site))
	if err := b.store.DeletePipeline(t.Context(), wanted[0]); err != nil {
		t.Fatal(err)
	}
	b.Changed(wanted[0])
	d = b.receive(b.incoming("", "global", push()))
	if diff := cmp.Diff(append(wanted[1:], late), d.PipelineIDs()); diff != "" {
		t.Error(diff)
	}
	nobody := b.receive(b.incoming("", "global", push(func(w *sdk.Webhook) { w.Occurred.Repository = "a/b" })))
	b.wantStatus(nobody, core.DeliveryIgnored, "there is no trigger for push of a/b")
	if _, _, err := b.Receive(t.Context(), core.IncomingDelivery{Connector: "tset"}); core.CodeOf(err) != core.CodeNotFound {
		t.Errorf("no such connector: %v", err)
	}
}

// TestPingBeforePipelines: the first delivery of a new webhook says whether its secret
// is right, also when no pipeline wants anything yet.
func TestPingBeforePipelines(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ping := sdk.Webhook{Event: "ping", Ignored: "pong"}
	b.wantStatus(b.receive(b.incoming("", "global", ping)), core.DeliveryIgnored, "pong")
	if _, _, err := b.Receive(t.Context(), b.incoming("", "wrong", ping)); core.CodeOf(err) != core.CodeUnauthenticated {
		t.Error(err)
	}
}

// TestLargeBody is the largest that there is: it comes back as it was.
func TestLargeBody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.create(on(core.TriggerGitPush, core.TriggerConfig{}))
	in := b.incoming(id, "global", push())
	in.Body = append(in.Body, bytes.Repeat([]byte(" "), core.MaxDelivery-len(in.Body))...)
	d := b.receive(in)
	if d.Status != core.DeliveryTriggered || !d.InBlob || d.Size != core.MaxDelivery {
		t.Fatalf("%s, in a blob: %t, %d bytes", d.Status, d.InBlob, d.Size)
	}
	r, err := b.Body(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if body, err := io.ReadAll(r); err != nil || !bytes.Equal(body, in.Body) {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
