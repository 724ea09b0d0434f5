package deploy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/store/sqlite"
)

// allocators are several managers of one node on one store.
func allocators(t *testing.T, store core.DeploymentStore, n, count int) []*Manager {
	t.Helper()
	first, last := ports(count)
	var list []*Manager
	for range n {
		list = append(list, New(Options{Store: store, Node: "here", NewID: newID, Logger: hclog.NewNullLogger(), FirstPort: first, LastPort: last}))
	}
	return list
}

func wanting(service string, names ...string) *core.Deployment {
	d := &core.Deployment{ID: newID(), Service: service, Node: "here", Release: core.Release{Service: service}}
	for _, name := range names {
		d.Release.Ports = append(d.Release.Ports, core.ServicePort{Name: name})
	}
	return d
}

// TestPortsAgainstModel has three servers lease and free ports of one small range at once,
// by random, and asks a model of who has what: no port twice, none lost, refused only when
// there is none.
func TestPortsAgainstModel(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) core.DeploymentStore{
		"memory": func(*testing.T) core.DeploymentStore { return memory.New() },
		"sqlite": func(t *testing.T) core.DeploymentStore {
			s, err := sqlite.Open(t.Context(), t.TempDir()+"/db")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size, workers, rounds = 12, 6, 60
			store := open(t)
			managers := allocators(t, store, 3, size)
			var mu sync.Mutex
			holder := map[int]string{} // the model
			var group sync.WaitGroup
			for worker := range workers {
				group.Go(func() {
					random := rand.New(rand.NewPCG(uint64(worker), 7))
					for round := range rounds {
						m := managers[random.IntN(len(managers))]
						service := fmt.Sprintf("s%d-%d", worker, round)
						d := wanting(service, []string{"a", "b", "c"}[:1+random.IntN(3)]...)
						got, err := m.lease(t.Context(), d)
						var f *failure
						if err != nil && !errors.As(err, &f) {
							t.Error(err)
							return
						}
						again, againErr := m.lease(t.Context(), d) // a crash in between
						if err == nil && (againErr != nil || fmt.Sprint(got) != fmt.Sprint(again)) {
							t.Errorf("%v, then %v, %v", got, again, againErr)
						}
						mu.Lock()
						for _, p := range got {
							if holder[p.Port] != "" {
								t.Errorf("port %d is given to %s, and %s has it", p.Port, service, holder[p.Port])
							}
							holder[p.Port] = service
						}
						for _, p := range got {
							delete(holder, p.Port)
						}
						mu.Unlock()
						if err := m.free(t.Context(), &core.Service{Name: service}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			if left, err := store.PortLeases(t.Context(), ""); err != nil || len(left) > 0 {
				t.Errorf("%d are left, %v", len(left), err)
			}
		})
	}
}

func TestPortsRunOut(t *testing.T) {
	t.Parallel()
	m := allocators(t, memory.New(), 1, 5)[0]
	listen(t, m.options.FirstPort+2)
	d := wanting("web", "a", "b", "c", "d")
	got, err := m.lease(t.Context(), d)
	if err != nil || len(got) != 4 {
		t.Fatalf("%v, %v", got, err)
	}
	for _, p := range got {
		if p.Port == m.options.FirstPort+2 {
			t.Error("a port was given that somebody listens on")
		}
	}
	_, err = m.lease(t.Context(), wanting("other", "a"))
	var f *failure
	if !errors.As(err, &f) || !strings.Contains(err.Error(), "no free port") || !strings.Contains(err.Error(), "1 are used by programs") {
		t.Errorf("got %v", err)
	}
	if leases, err := m.options.Store.PortLeases(t.Context(), ""); err != nil || len(leases) != 4 {
		t.Errorf("%d leases, %v", len(leases), err)
	}
}

// TestFixedPorts: who has it is said, and it passes on within the service.
func TestFixedPorts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	port, _ := ports(2)
	fixed := func(service string, port int) core.Release {
		return release("1", behaviour{}, func(r *core.Release) {
			r.Service, r.Handover, r.Ports[0].Port = service, core.HandoverReplace, port
		})
	}
	w.mustDeploy(fixed("web", port))
	w.mustDeploy(fixed("web", port))
	if d := w.deploy(fixed("shop", port)); d.State != core.DeploymentFailed || !strings.Contains(d.Message, "belongs to service web") {
		t.Errorf("%s: %s", d.State, d.Message)
	}
	listen(t, port+1)
	if d := w.deploy(fixed("shop", port+1)); d.State != core.DeploymentFailed || !strings.Contains(d.Message, "none of Patchbay's services") {
		t.Errorf("%s: %s", d.State, d.Message)
	}
	if _, err := w.manager.StopService(context.Background(), "web", ""); err != nil {
		t.Fatal(err)
	}
	w.mustDeploy(fixed("shop", port))
}
