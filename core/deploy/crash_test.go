package deploy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

var errKilled = errors.New("killed")

// mortal is the store and the connectors of a server that is killed at one of its writes or
// calls: before it, or when it is done and nobody has heard of it yet.
type mortal struct {
	core.DeploymentStore
	connectors Connectors

	mu     sync.Mutex
	points int // passed so far
	at     int // where it is killed
	dead   chan struct{}
	closes func(error)
}

// pass counts a point. After the death nothing gets through.
func (m *mortal) pass() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.points++
	if m.points == m.at {
		m.closes(errKilled)
		close(m.dead)
	}
	if m.at > 0 && m.points >= m.at {
		return errKilled
	}
	return nil
}

func (m *mortal) around(do func() error) error {
	if err := m.pass(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return m.pass()
}

func (m *mortal) CreateDeployment(ctx context.Context, d *core.Deployment) error {
	return m.around(func() error { return m.DeploymentStore.CreateDeployment(context.WithoutCancel(ctx), d) })
}

func (m *mortal) UpdateDeployment(ctx context.Context, d *core.Deployment) error {
	return m.around(func() error { return m.DeploymentStore.UpdateDeployment(context.WithoutCancel(ctx), d) })
}

func (m *mortal) CreateService(ctx context.Context, s *core.Service) error {
	return m.around(func() error { return m.DeploymentStore.CreateService(context.WithoutCancel(ctx), s) })
}

func (m *mortal) UpdateService(ctx context.Context, s *core.Service) error {
	return m.around(func() error { return m.DeploymentStore.UpdateService(context.WithoutCancel(ctx), s) })
}

func (m *mortal) CreatePortLease(ctx context.Context, l *core.PortLease) error {
	return m.around(func() error { return m.DeploymentStore.CreatePortLease(context.WithoutCancel(ctx), l) })
}

func (m *mortal) DeletePortLease(ctx context.Context, id, service string) error {
	return m.around(func() error { return m.DeploymentStore.DeletePortLease(context.WithoutCancel(ctx), id, service) })
}

// Use implements Connectors. A call that was begun is done, whoever waits for it.
func (m *mortal) Use(ctx context.Context, name string, do func(*sdk.Client, sdk.Info) error) error {
	return m.around(func() error { return m.connectors.Use(ctx, name, do) })
}

// script is what is done to a service; each part may be done again, and ends in the same.
func script(change func(*core.Release)) []func(w *world) error {
	deploy := func(r core.Release, want core.DeploymentState) func(w *world) error {
		return func(w *world) error {
			d, err := w.manager.Deploy(w.t.Context(), context.Background(), r, func(string) {})
			if err == nil && d.State != want {
				w.t.Errorf("%s is %s (%s), want %s", r.Version, d.State, d.Message, want)
			}
			return err
		}
	}
	return []func(w *world) error{
		deploy(release("bad", behaviour{Unhealthy: true}, change), core.DeploymentFailed),
		deploy(release("1", behaviour{}, change), core.DeploymentLive),
		deploy(release("2", behaviour{}, change), core.DeploymentLive),
		deploy(release("bad", behaviour{Unhealthy: true}, change), core.DeploymentRolledBack),
		deploy(release("bad", behaviour{Start: "no"}, change), core.DeploymentRolledBack),
		func(w *world) error {
			for {
				_, err := w.manager.StopService(w.t.Context(), "web", "")
				if core.CodeOf(err) != core.CodeConflict { // else: what the kill left is still at work
					return err
				}
				pause(w.t.Context(), time.Millisecond)
			}
		},
		deploy(release("3", behaviour{}, change), core.DeploymentLive),
	}
}

// TestKilledAnywhere kills the server at its writes and calls, one run each, and has
// another one go on: the end is the same, nothing runs twice, no port is lost.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	fixed, _ := ports(3)
	for n, change := range []func(*core.Release){
		handover(core.HandoverSwitch),
		func(r *core.Release) { r.Handover, r.Ports[0].Port = core.HandoverReplace, fixed },
		handover(core.HandoverActivateThenCheck),
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			// Of the three, each takes every third point, from another one on.
			for at := 1 + n; ; at += 3 {
				if reached := killedAt(t, at, change); !reached || t.Failed() {
					t.Logf("%d points", at)
					if at < 100 {
						t.Errorf("only %d points: is anything killed?", at)
					}
					return
				}
			}
		})
	}
}

// killedAt runs the script with a death at one point, and reports whether it came to it.
func killedAt(t *testing.T, at int, change func(*core.Release)) (reached bool) {
	t.Helper()
	w := newWorld(t, func(o *Options) { o.LiveInterval = 1e12 })
	w.manager.Close()
	m := &mortal{DeploymentStore: w.store, connectors: w.place, dead: make(chan struct{}), at: at}
	w.manager = w.newManager(m, m)
	m.closes = w.manager.close
	begun := func() bool { // whether the server got as far as being up
		err := w.manager.Start(t.Context())
		return err == nil
	}()
	if !begun {
		w.restart()
	}
	for i, do := range script(change) {
		for err := do(w); err != nil; err = do(w) {
			select {
			case <-m.dead:
			default:
				t.Errorf("killed at %d, part %d: %v", at, i, err)
				return false
			}
			w.restart() // with the store itself: it is killed once
		}
		if t.Failed() {
			t.Errorf("killed at %d, part %d", at, i)
			return false
		}
	}
	w.eventually("the service is at rest", func() bool {
		s, err := w.store.Service(t.Context(), "web")
		return err == nil && s.Deploying == ""
	})
	s, err := w.store.Service(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	w.settled(s.Live)
	live, err := w.store.Deployment(t.Context(), s.Live)
	if err != nil {
		t.Fatal(err)
	}
	if live.Release.Version != "3" || t.Failed() {
		t.Errorf("killed at %d, %s is live", at, live.Release.Version)
	}
	w.manager.Close()
	w.place.mu.Lock()
	for _, i := range w.place.instances {
		if i.running {
			i.close()
			i.running = false
		}
	}
	w.place.mu.Unlock()
	select {
	case <-m.dead:
		return true
	default:
		return false
	}
}

// TestTakenOver: of two servers of one node name on one store, the second looks after the
// services, and the first lets go.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Heartbeat = 1e6 })
	one := w.mustDeploy(release("1", behaviour{}))
	first := w.manager
	w.start()
	t.Cleanup(first.Close)
	<-first.ctx.Done()
	two := w.mustDeploy(release("2", behaviour{}))
	w.settled(two.ID)
	if _, err := first.Deploy(t.Context(), context.Background(), release("3", behaviour{}), func(string) {}); !errors.Is(err, errClosing) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{two.ID}, w.place.running("web")); diff != "" {
		t.Errorf("%s %s", one.ID, diff)
	}
}
