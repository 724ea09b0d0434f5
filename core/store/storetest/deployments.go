package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// deploymentSuite is the part of the suite about services and what they hold.
func deploymentSuite() map[string]func(*testing.T, core.Store) {
	return map[string]func(*testing.T, core.Store){
		"deployments: every field": everyDeploymentField,
		"deployments: lists":       deploymentLists,
		"deployments: own copies":  ownDeployments,
		"services: one wins":       serviceOneWins,
		"ports: one lease":         oneLease,
		"ports: lists":             leaseLists,
		"no deployments":           noDeployments,
	}
}

// keeps checks one kind of versioned document: no field is lost, and only who has the
// newest version changes it.
func keeps[T any](t *testing.T, document *T, version func(*T) *int64, create, update func(*T) error, get func() (*T, error)) {
	t.Helper()
	must(t, create(document))
	refused(t, core.CodeConflict, create(document))
	for want := int64(1); want <= 3; want++ {
		if *version(document) != want {
			t.Errorf("version %d, want %d", *version(document), want)
		}
		got, err := get()
		must(t, err)
		same(t, document, got)
		stale := *document
		must(t, update(document))
		refused(t, core.CodeConflict, update(&stale))
	}
}

func everyDeploymentField(t *testing.T, s core.Store) {
	ctx := t.Context()
	d, service, node := filled[core.Deployment](t), filled[core.Service](t), filled[core.ServiceNode](t)
	d.ID = newID()
	keeps(t, d, func(d *core.Deployment) *int64 { return &d.Version },
		func(d *core.Deployment) error { return s.CreateDeployment(ctx, d) },
		func(d *core.Deployment) error { return s.UpdateDeployment(ctx, d) },
		func() (*core.Deployment, error) { return s.Deployment(ctx, d.ID) })
	keeps(t, service, func(d *core.Service) *int64 { return &d.Version },
		func(d *core.Service) error { return s.CreateService(ctx, d) },
		func(d *core.Service) error { return s.UpdateService(ctx, d) },
		func() (*core.Service, error) { return s.Service(ctx, service.Name) })
	keeps(t, node, func(d *core.ServiceNode) *int64 { return &d.Version },
		func(d *core.ServiceNode) error { return s.CreateServiceNode(ctx, d) },
		func(d *core.ServiceNode) error { return s.UpdateServiceNode(ctx, d) },
		func() (*core.ServiceNode, error) { return s.ServiceNode(ctx, node.ID) })
	lease := filled[core.PortLease](t)
	must(t, s.CreatePortLease(ctx, lease))
	got, err := s.PortLease(ctx, lease.ID)
	must(t, err)
	same(t, lease, got)
}

func deploymentLists(t *testing.T, s core.Store) {
	ctx := t.Context()
	var all []*core.Deployment // newest first
	for i := range 6 {
		d := &core.Deployment{ID: newID(), Service: fmt.Sprint("s", i%2), Node: fmt.Sprint("n", i%3), State: core.DeploymentLive}
		if i > 3 {
			d.State = core.DeploymentFailed
		}
		must(t, s.CreateDeployment(ctx, d))
		all = append([]*core.Deployment{d}, all...)
	}
	for name, c := range map[string]struct {
		filter core.DeploymentFilter
		want   []*core.Deployment
	}{
		"all":     {core.DeploymentFilter{}, all},
		"service": {core.DeploymentFilter{Service: "s1"}, []*core.Deployment{all[0], all[2], all[4]}},
		"node":    {core.DeploymentFilter{Node: "n0"}, []*core.Deployment{all[2], all[5]}},
		"state":   {core.DeploymentFilter{States: []core.DeploymentState{core.DeploymentFailed, core.DeploymentStopped}}, all[:2]},
		"page":    {core.DeploymentFilter{Page: core.Page{Limit: 2, After: all[1].ID}}, all[2:4]},
	} {
		list, err := s.Deployments(ctx, c.filter)
		must(t, err)
		if len(list) != len(c.want) {
			t.Fatalf("%s: %d, want %d", name, len(list), len(c.want))
		}
		same(t, c.want, list)
	}
	for range 2 {
		must(t, s.DeleteDeployment(ctx, all[0].ID))
	}
	_, err := s.Deployment(ctx, all[0].ID)
	refused(t, core.CodeNotFound, err)
	for _, name := range []string{"b", "a"} {
		must(t, s.CreateService(ctx, &core.Service{Name: name}))
		must(t, s.CreateServiceNode(ctx, &core.ServiceNode{ID: name}))
	}
	services, err := s.Services(ctx)
	must(t, err)
	nodes, err := s.ServiceNodes(ctx)
	must(t, err)
	if len(services) != 2 || services[0].Name != "a" || len(nodes) != 2 || nodes[0].ID != "a" {
		t.Errorf("%v %v", services, nodes)
	}
}

func ownDeployments(t *testing.T, s core.Store) {
	ctx := t.Context()
	d := filled[core.Deployment](t)
	d.ID = newID()
	must(t, s.CreateDeployment(ctx, d))
	want, err := s.Deployment(ctx, d.ID)
	must(t, err)
	change := func(d *core.Deployment) {
		d.Ports[0].Port, d.Release.Spec[0], d.Release.Ports[0].Port = 1, 'x', 1
		d.Release.Environment["x"], d.Release.Secrets[0], d.Release.Health.HTTP.Path = "y", "z", "/changed"
		d.Release.Health.TCP.Port, d.Release.Health.Command[0] = "c", "c"
		*d.LiveAt, *d.EndedAt = moment().Add(1e9), moment().Add(1e9)
	}
	change(d)
	for range 2 {
		got, err := s.Deployment(ctx, d.ID)
		must(t, err)
		same(t, want, got)
		change(got)
	}
}

// serviceOneWins: of many that take a service at once, one has it.
func serviceOneWins(t *testing.T, s core.Store) {
	ctx := t.Context()
	must(t, s.CreateService(ctx, &core.Service{Name: "web"}))
	var won atomic.Int32
	together(t, 32, func(i int) error {
		service := &core.Service{Name: "web", Version: 1, Deploying: fmt.Sprint(i)}
		if err := s.UpdateService(ctx, service); err == nil {
			won.Add(1)
		}
		return nil
	})
	if won.Load() != 1 {
		t.Errorf("%d have it", won.Load())
	}
}

func oneLease(t *testing.T, s core.Store) {
	ctx := t.Context()
	var won atomic.Int32
	together(t, 32, func(i int) error {
		l := &core.PortLease{ID: "n/1", Node: "n", Port: 1, Service: fmt.Sprint(i)}
		if err := s.CreatePortLease(ctx, l); err == nil {
			won.Add(1)
		}
		return nil
	})
	l, err := s.PortLease(ctx, "n/1")
	must(t, err)
	if won.Load() != 1 {
		t.Errorf("%d have it", won.Load())
	}
	must(t, s.DeletePortLease(ctx, l.ID, "another"))
	_, err = s.PortLease(ctx, l.ID)
	must(t, err)
	must(t, s.DeletePortLease(ctx, l.ID, l.Service))
	must(t, s.CreatePortLease(ctx, l))
}

func leaseLists(t *testing.T, s core.Store) {
	ctx := t.Context()
	var want []*core.PortLease
	for i := range 3 {
		l := &core.PortLease{ID: fmt.Sprint("l", i), Node: fmt.Sprint("n", i%2), Port: i, Service: "s", CreatedAt: moment()}
		must(t, s.CreatePortLease(ctx, l))
		want = append(want, l)
	}
	list, err := s.PortLeases(ctx, "")
	must(t, err)
	same(t, want, list)
	list, err = s.PortLeases(ctx, "n1")
	must(t, err)
	same(t, want[1:2], list)
}

func noDeployments(t *testing.T, s core.Store) {
	ctx := t.Context()
	_, err := s.Deployment(ctx, "none")
	refused(t, core.CodeNotFound, err)
	_, err = s.Service(ctx, "none")
	refused(t, core.CodeNotFound, err)
	_, err = s.PortLease(ctx, "none")
	refused(t, core.CodeNotFound, err)
	_, err = s.ServiceNode(ctx, "none")
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.UpdateDeployment(ctx, &core.Deployment{ID: "none"}))
	refused(t, core.CodeNotFound, s.UpdateService(ctx, &core.Service{Name: "none"}))
	refused(t, core.CodeNotFound, s.UpdateServiceNode(ctx, &core.ServiceNode{ID: "none"}))
	deployments, err := s.Deployments(ctx, core.DeploymentFilter{})
	must(t, err)
	services, err := s.Services(ctx)
	must(t, err)
	leases, err := s.PortLeases(ctx, "")
	must(t, err)
	nodes, err := s.ServiceNodes(ctx)
	must(t, err)
	if deployments == nil || services == nil || leases == nil || nodes == nil {
		t.Error("empty lists are empty, not nil")
	}
}
