package notify_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/notify"
	"github.com/patchbay-ci/patchbay/core/secrets"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// eventually is when a test gives up; nothing is measured with it.
const eventually = 30 * time.Second

// bench is an outbox, with a pipeline whose runs the test moves on.
type bench struct {
	*testing.T
	store   core.Store
	outbox  chan struct{} // has something when notifications have changed
	watched core.Store
	service *notify.Service
	options notify.Options
	secrets *secrets.Service
	stop    func()
}

// newBench starts a service that may reach 127.0.0.1 alone.
func newBench(t *testing.T, change func(*notify.Options)) *bench {
	t.Helper()
	b := &bench{T: t, outbox: make(chan struct{}, 1)}
	b.store = outbox{memory.New(), b.outbox}
	var err error
	if b.secrets, err = secrets.Open(t.Context(), b.store, filepath.Join(t.TempDir(), "keys"), nil); err != nil {
		t.Fatal(err)
	}
	b.options = notify.Options{Store: b.store, Secrets: b.secrets, Logger: hclog.NewNullLogger(), PublicURL: "https://ci.example.com/",
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, RetryDelay: time.Millisecond, Version: "1.2.3"}
	if change != nil {
		change(&b.options)
	}
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bench) start() {
	b.service = notify.New(b.options)
	b.watched = b.service.Watch(b.store)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.service.Run(ctx)
	}()
	b.stop = func() {
		cancel()
		<-done
	}
}

func (b *bench) secret(name, value string) {
	b.Helper()
	if _, err := b.secrets.SetSecret(b.Context(), "", name, value, "ann"); err != nil {
		b.Fatal(err)
	}
}

// execution makes one of a new pipeline that wants these notifications.
func (b *bench) execution(n *core.Notifications) *core.Execution {
	b.Helper()
	now := time.Now().UTC()
	p := &core.Pipeline{ID: uuid.Must(uuid.NewV7()).String(), Name: "site", Revision: 1, CreatedAt: now, UpdatedAt: now}
	spec := &core.Spec{Name: "site", Notifications: n, Stages: []core.Stage{{Name: "test", Steps: []core.Step{{Name: "unit"}}}}}
	if err := b.store.CreatePipeline(b.Context(), p, &core.PipelineRevision{PipelineID: p.ID, Number: 1, Spec: spec}); err != nil {
		b.Fatal(err)
	}
	e := &core.Execution{ID: uuid.Must(uuid.NewV7()).String(), PipelineID: p.ID, PipelineName: "site", Revision: 1, Status: core.StatusPending,
		CreatedAt: now, UpdatedAt: now, Params: map[string]string{"team": "red <team>"},
		Trigger: core.TriggerInfo{Type: core.TriggerManual, TriggeredBy: "ann", Branch: "main", CommitHash: "0123456789abcdef", Repository: "acme/site"}}
	if err := b.watched.CreateExecution(b.Context(), e); err != nil {
		b.Fatal(err)
	}
	return e
}

// move brings an execution to a status, as the engine does.
func (b *bench) move(e *core.Execution, status core.Status, reason string) {
	b.Helper()
	now := time.Now().UTC()
	e.Status, e.Reason = status, reason
	if e.StartedAt == nil {
		e.StartedAt = &now
	}
	if status.Terminal() {
		e.FinishedAt = &now
	}
	if err := b.watched.UpdateExecution(b.Context(), e); err != nil {
		b.Fatal(err)
	}
}

// fail has a run fail in its one step.
func (b *bench) fail(e *core.Execution) {
	b.Helper()
	b.move(e, core.StatusRunning, "")
	step := &core.StepRun{ExecutionID: e.ID, Stage: "test", Name: "unit", Status: core.StatusFailed, Reason: "exit code 1"}
	if err := b.store.SaveStepRun(b.Context(), step); err != nil {
		b.Fatal(err)
	}
	b.move(e, core.StatusFailed, "step unit: exit code 1")
}

// settled waits until nothing of an execution is pending, and there are so many.
func (b *bench) settled(e *core.Execution, many int) []*core.Notification {
	b.Helper()
	return b.await(e, func(list []*core.Notification) bool {
		for _, n := range list {
			if n.State == core.NotificationPending {
				return false
			}
		}
		return len(list) >= many
	})
}

func (b *bench) await(e *core.Execution, good func([]*core.Notification) bool) []*core.Notification {
	b.Helper()
	timeout := time.After(eventually)
	for {
		list, err := b.service.Notifications(b.Context(), e.ID)
		if err != nil {
			b.Fatal(err)
		}
		if good(list) {
			return list
		}
		select {
		case <-b.outbox:
		case <-timeout:
			for _, n := range list {
				b.Errorf("%+v", n)
			}
			b.FailNow()
		}
	}
}

// outbox is a store that tells of changes of its notifications.
type outbox struct {
	core.Store
	changed chan<- struct{}
}

func (o outbox) AddNotification(ctx context.Context, n *core.Notification) error {
	defer o.tell()
	return o.Store.AddNotification(ctx, n)
}

func (o outbox) UpdateNotification(ctx context.Context, n *core.Notification) error {
	defer o.tell()
	return o.Store.UpdateNotification(ctx, n)
}

func (o outbox) tell() {
	select {
	case o.changed <- struct{}{}:
	default: // it is to be looked at already
	}
}

// call is one request that a receiver got.
type call struct {
	header http.Header
	path   string
	body   string
}

// receiver is a real server that answers as told.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
}

// receive starts one; answer may be nil for 200, and gets the number of the call from 1.
func receive(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, number int)) *receiver {
	t.Helper()
	v := &receiver{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		v.mu.Lock()
		v.calls = append(v.calls, call{r.Header.Clone(), r.URL.Path, string(body)})
		number := len(v.calls)
		v.mu.Unlock()
		if answer != nil {
			answer(w, r, number)
		}
	}))
	t.Cleanup(v.Close)
	return v
}

func (v *receiver) got() []call {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]call{}, v.calls...)
}

// onFailure is one target for runs that fail.
func onFailure(kind string, config map[string]string) *core.Notifications {
	return &core.Notifications{OnFailure: []core.NotificationTarget{{Type: kind, Config: config}}}
}
