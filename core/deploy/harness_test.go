package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// world is a place, a store, and the manager that is there now.
type world struct {
	t       *testing.T
	place   *place
	store   core.DeploymentStore
	tweak   func(*Options)
	manager *Manager
	mu      sync.Mutex
	said    []string
}

func newWorld(t *testing.T, tweaks ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, place: newPlace(t), store: memory.New()}
	w.tweak = func(o *Options) {
		for _, tweak := range tweaks {
			tweak(o)
		}
	}
	w.start()
	t.Cleanup(func() { w.manager.Close() })
	return w
}

// firstPort is of a range that no other test of this package has.
var firstPort = struct {
	sync.Mutex
	next int
}{next: 30000}

func ports(count int) (first, last int) {
	firstPort.Lock()
	defer firstPort.Unlock()
	first = firstPort.next
	firstPort.next += count
	return first, first + count - 1
}

func (w *world) start() {
	w.t.Helper()
	w.manager = w.newManager(w.store, w.place)
	if err := w.manager.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) newManager(store core.DeploymentStore, connectors Connectors) *Manager {
	o := Options{Store: store, Connectors: connectors, Logger: hclog.NewNullLogger(), Node: "here", Folder: "/deploy", NewID: newID,
		RestartDelay: time.Millisecond, CheckInterval: time.Millisecond, LiveInterval: 5 * time.Millisecond, Heartbeat: time.Hour}
	if o.FirstPort, o.LastPort = 0, 0; w.manager == nil {
		o.FirstPort, o.LastPort = ports(20)
	} else {
		o.FirstPort, o.LastPort = w.manager.options.FirstPort, w.manager.options.LastPort
	}
	w.tweak(&o)
	return New(o)
}

// restart is a server that is stopped and started again.
func (w *world) restart() {
	w.t.Helper()
	w.manager.Close()
	w.start()
}

func release(version string, b behaviour, change ...func(*core.Release)) core.Release {
	spec, _ := json.Marshal(b)
	r := core.Release{ID: newID(), Service: "web", Version: version, Connector: "place", Action: "deploy", Spec: spec, Handover: core.HandoverSwitch,
		Ports: []core.ServicePort{{Name: "http"}}, Health: core.HealthCheck{HTTP: &core.HTTPCheck{Path: "/up"}, Retries: 3}, DeployPath: "/deploy/place"}
	for _, c := range change {
		c(&r)
	}
	return r
}

func handover(h string) func(*core.Release) { return func(r *core.Release) { r.Handover = h } }

// deploy deploys and returns how it ended.
func (w *world) deploy(r core.Release) *core.Deployment {
	w.t.Helper()
	d, err := w.manager.Deploy(w.t.Context(), context.Background(), r, func(line string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.said = append(w.said, line)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// mustDeploy deploys what has to be live then.
func (w *world) mustDeploy(r core.Release) *core.Deployment {
	w.t.Helper()
	d := w.deploy(r)
	if d.State != core.DeploymentLive {
		w.t.Fatalf("%s is %s: %s", r.Version, d.State, d.Message)
	}
	return d
}

// eventually waits until what is to be true is.
func (w *world) eventually(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			w.t.Fatalf("it never happened: %s", what)
		}
		pause(w.t.Context(), time.Millisecond)
	}
}

// settled checks that what runs, what is active and what is leased is what the registry
// says, and nothing else. live is "" for a service that is not.
func (w *world) settled(live string) {
	w.t.Helper()
	s, err := w.store.Service(w.t.Context(), "web")
	if err != nil {
		w.t.Fatal(err)
	}
	if s.Live != live || s.Deploying != "" || s.Stopping != "" {
		w.t.Fatalf("live is %q (%s, deploying %q, stopping %q), want %q", s.Live, s.State, s.Deploying, s.Stopping, live)
	}
	want := map[string]bool{}
	running := fmt.Sprint(w.place.running("web"))
	if live == "" {
		if running != "[]" {
			w.t.Errorf("%s run, and none is live", running)
		}
	} else {
		if running != "["+live+"]" {
			w.t.Errorf("%s run, want %s", running, live)
		}
		if w.place.active["web"] != live {
			w.t.Errorf("%s is active, want %s", w.place.active["web"], live)
		}
		d, err := w.store.Deployment(w.t.Context(), live)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range d.Ports {
			want[fmt.Sprint(p.Port)] = true
		}
	}
	leases, err := w.store.PortLeases(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range leases {
		if !want[fmt.Sprint(l.Port)] {
			w.t.Errorf("port %d is still leased to %s", l.Port, l.Deployment)
		}
		delete(want, fmt.Sprint(l.Port))
	}
	if len(want) > 0 {
		w.t.Errorf("ports that are used and not leased: %v", want)
	}
	list, err := w.store.Deployments(w.t.Context(), core.DeploymentFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range list {
		if !d.State.Ended() && d.ID != live {
			w.t.Errorf("deployment %s is %s", d.ID, d.State)
		}
	}
}

// listen takes a port as a program that is nobody's service does.
func listen(t *testing.T, port int) {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}
