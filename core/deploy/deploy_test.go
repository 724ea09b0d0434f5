package deploy

import (
	"context"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// TestHandovers: each way to hand over takes the new one live, and goes back to the old one
// when the new is not well.
func TestHandovers(t *testing.T) {
	t.Parallel()
	fixed, _ := ports(1)
	for name, change := range map[string]func(*core.Release){
		"switch":              handover(core.HandoverSwitch),
		"replace":             handover(core.HandoverReplace),
		"activate then check": handover(core.HandoverActivateThenCheck),
		"a fixed port": func(r *core.Release) {
			r.Handover, r.Ports[0].Port = core.HandoverReplace, fixed
		},
		"TCP":      func(r *core.Release) { r.Health = core.HealthCheck{TCP: &core.TCPCheck{}} },
		"command":  func(r *core.Release) { r.Health = core.HealthCheck{Command: []string{"true"}} },
		"it runs":  func(r *core.Release) { r.Health = core.HealthCheck{} },
		"no ports": func(r *core.Release) { r.Health, r.Ports = core.HealthCheck{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			one := w.mustDeploy(release("1", behaviour{}, change))
			w.settled(one.ID)
			two := w.mustDeploy(release("2", behaviour{}, change))
			w.settled(two.ID)
			for _, bad := range []behaviour{{Start: "no such file"}, {Dies: true}} {
				three := w.deploy(release("3", bad, change))
				if three.State != core.DeploymentRolledBack || !strings.Contains(three.Message, "rolled back to web 2") {
					t.Errorf("%s: %s", three.State, three.Message)
				}
				w.settled(two.ID)
			}
			w.restart()
			w.settled(two.ID)
		})
	}
}

func TestUnhealthy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.deploy(release("1", behaviour{Unhealthy: true, Prints: "cannot reach the database\n"}))
	if first.State != core.DeploymentFailed || !strings.Contains(first.Message, "503") {
		t.Errorf("%s: %s", first.State, first.Message)
	}
	w.settled("")
	said := strings.Join(w.said, "\n")
	for _, want := range []string{"check 1 failed", "cannot reach the database", "nothing to go back to"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in what was said:\n%s", want, said)
		}
	}
	if s, err := w.manager.Service(t.Context(), "web"); err != nil || s.Service.State != core.ServiceFailed {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestDeployIsIdempotent: a step that is joined again joins its deployment, also when that
// has ended.
func TestDeployIsIdempotent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := release("1", behaviour{})
	done := make(chan *core.Deployment, 8)
	for range cap(done) {
		go func() {
			d, err := w.manager.Deploy(t.Context(), context.Background(), r, func(string) {})
			if err != nil {
				t.Error(err)
			}
			done <- d
		}()
	}
	for range cap(done) {
		if d := <-done; d == nil || d.ID != r.ID || d.State != core.DeploymentLive {
			t.Errorf("%+v", d)
		}
	}
	w.settled(r.ID)
	if n := w.place.instances[r.ID].starts; n != 1 {
		t.Errorf("started %d times", n)
	}
}

// TestManyAtOnce: they come one after the other, and one is live in the end.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := make(chan *core.Deployment, 12)
	for i := range cap(done) {
		b := behaviour{Unhealthy: i%3 == 2}
		go func() {
			d, err := w.manager.Deploy(t.Context(), context.Background(), release("x", b), func(string) {})
			if err != nil {
				t.Error(err)
			}
			done <- d
		}()
	}
	live := 0
	for range cap(done) {
		if d := <-done; d != nil && d.State == core.DeploymentLive {
			live++
		}
	}
	if live != 8 {
		t.Errorf("%d were live, want 8", live)
	}
	s, err := w.store.Service(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	w.settled(s.Live)
}

// TestCancel: a step that is stopped has its deployment undone.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.mustDeploy(release("1", behaviour{}))
	stop, cancel := context.WithCancel(t.Context())
	r := release("2", behaviour{Unhealthy: true}, func(r *core.Release) { r.Health.Retries = 10000 })
	d, err := w.manager.Deploy(t.Context(), stop, r, func(line string) {
		if strings.HasPrefix(line, "check 2") {
			cancel()
		}
	})
	if err != nil || d.State != core.DeploymentRolledBack || !strings.Contains(d.Message, "the step was stopped") {
		t.Errorf("%+v, %v", d, err)
	}
	w.settled(one.ID)
}

func TestSupervision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.MaxRestarts = 2 })
	d := w.mustDeploy(release("1", behaviour{}))
	starts := func() int {
		w.place.mu.Lock()
		defer w.place.mu.Unlock()
		return w.place.instances[d.ID].starts
	}
	for n := 2; n <= 3; n++ {
		w.place.kill(d.ID)
		w.eventually("a restart", func() bool { return starts() == n })
	}
	w.place.cut()
	w.place.kill(d.ID)
	w.eventually("it is given up", func() bool {
		s, err := w.store.Service(t.Context(), "web")
		return err == nil && s.State == core.ServiceFailed && s.Live == ""
	})
	w.settled("")
	got, err := w.store.Deployment(t.Context(), d.ID)
	if err != nil || got.State != core.DeploymentFailed || !strings.Contains(got.Message, "2 times") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	if _, err := w.manager.Rollback(ctx, "web", "", "me"); core.CodeOf(err) != core.CodeNotFound {
		t.Errorf("got %v", err)
	}
	one := w.mustDeploy(release("1", behaviour{}))
	if _, err := w.manager.Rollback(ctx, "web", "", "me"); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("there is nothing to go back to: got %v", err)
	}
	w.mustDeploy(release("2", behaviour{}))
	live := func(d *core.Deployment, err error) *core.Deployment {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		w.eventually("it is live", func() bool {
			s, err := w.store.Service(ctx, "web")
			return err == nil && s.Live == d.ID && s.Deploying == ""
		})
		w.settled(d.ID)
		return d
	}
	back := live(w.manager.Rollback(ctx, "web", "", "me"))
	if back.Release.ID != one.ID || back.Kind != core.DeployRollback || back.By != "me" {
		t.Errorf("%+v", back)
	}
	live(w.manager.Rollback(ctx, "web", "", "me"))
	live(w.manager.Rollback(ctx, "web", one.ID, "me"))
	for range 2 {
		v, err := w.manager.StopService(ctx, "web", "me")
		if err != nil || v.Service.State != core.ServiceStopped {
			t.Errorf("%+v, %v", v, err)
		}
		w.settled("")
	}
	live(w.manager.StartService(ctx, "web", "me"))
	if _, err := w.manager.StartService(ctx, "web", "me"); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("it is live: got %v", err)
	}
	history, err := w.manager.History(ctx, "web", core.Page{})
	if err != nil || len(history) != 6 {
		t.Errorf("%d deployments, %v", len(history), err)
	}
}

// TestKeep: what is older than is kept is removed, and cannot be gone back to.
func TestKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Keep, o.MaxHistory = 2, 4 })
	var ids []string
	for range 7 {
		ids = append(ids, w.mustDeploy(release("x", behaviour{})).ID)
		ids = append(ids, w.deploy(release("bad", behaviour{Unhealthy: true})).ID)
	}
	last := w.mustDeploy(release("x", behaviour{}))
	w.settled(last.ID)
	history, err := w.manager.History(t.Context(), "web", core.Page{})
	if err != nil || len(history) > 5 {
		t.Errorf("%d are kept, %v", len(history), err)
	}
	for i, id := range append(ids, last.ID) {
		kept := id == last.ID || i == len(ids)-2
		if w.place.removed[id] == kept {
			t.Errorf("release %d of %d: removed is %v", i, len(ids), !kept)
		}
	}
	if _, err := w.manager.Rollback(t.Context(), "web", "", ""); err != nil {
		t.Error(err)
	}
}
