package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// table is a kind of document under its ID.
type table[T any] struct {
	noun    string
	rows    map[string]T
	id      func(*T) string
	version func(*T) *int64
	copied  func(T) T
}

func (t *table[T]) create(ctx context.Context, s *Store, document *T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := t.rows[t.id(document)]; there {
		return core.Conflict(t.noun, t.id(document))
	}
	if t.version != nil {
		*t.version(document) = 1
	}
	t.rows[t.id(document)] = t.copied(*document)
	return nil
}

func (t *table[T]) update(ctx context.Context, s *Store, document *T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, there := t.rows[t.id(document)]
	switch {
	case !there:
		return core.NotFound(t.noun, t.id(document))
	case *t.version(&stored) != *t.version(document):
		return core.Conflict(t.noun, t.id(document))
	}
	*t.version(document)++
	t.rows[t.id(document)] = t.copied(*document)
	return nil
}

func (t *table[T]) one(ctx context.Context, s *Store, id string) (*T, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, there := t.rows[id]
	if !there {
		return nil, core.NotFound(t.noun, id)
	}
	document := t.copied(stored)
	return &document, nil
}

// many lists by ID, ascending.
func (t *table[T]) many(ctx context.Context, s *Store, wanted func(*T) bool) ([]*T, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*T{}
	for _, stored := range t.rows {
		if wanted(&stored) {
			document := t.copied(stored)
			list = append(list, &document)
		}
	}
	slices.SortFunc(list, func(a, b *T) int { return cmp.Compare(t.id(a), t.id(b)) })
	return list, nil
}

func (t *table[T]) delete(ctx context.Context, s *Store, id string, wanted func(*T) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored, there := t.rows[id]; there && wanted(&stored) {
		delete(t.rows, id)
	}
	return nil
}

func whichever[T any](*T) bool { return true }

func same[T any](v T) T { return v }

// deploymentTables are those of core.DeploymentStore.
type deploymentTables struct {
	deployments table[core.Deployment]
	services    table[core.Service]
	leases      table[core.PortLease]
	nodes       table[core.ServiceNode]
}

func newDeploymentTables() deploymentTables {
	return deploymentTables{
		deployments: table[core.Deployment]{"deployment", map[string]core.Deployment{}, func(d *core.Deployment) string { return d.ID },
			func(d *core.Deployment) *int64 { return &d.Version }, copyDeployment},
		services: table[core.Service]{"service", map[string]core.Service{}, func(s *core.Service) string { return s.Name },
			func(s *core.Service) *int64 { return &s.Version }, same[core.Service]},
		leases: table[core.PortLease]{"port", map[string]core.PortLease{}, func(l *core.PortLease) string { return l.ID },
			nil, same[core.PortLease]},
		nodes: table[core.ServiceNode]{"node", map[string]core.ServiceNode{}, func(n *core.ServiceNode) string { return n.ID },
			func(n *core.ServiceNode) *int64 { return &n.Version }, same[core.ServiceNode]},
	}
}

func copyDeployment(d core.Deployment) core.Deployment {
	r := &d.Release
	r.Spec, r.Ports, r.Secrets = slices.Clone(r.Spec), slices.Clone(r.Ports), slices.Clone(r.Secrets)
	r.Environment = maps.Clone(r.Environment)
	r.Health.HTTP, r.Health.TCP, r.Health.Command = clone(r.Health.HTTP), clone(r.Health.TCP), slices.Clone(r.Health.Command)
	d.Ports, d.LiveAt, d.EndedAt = slices.Clone(d.Ports), clone(d.LiveAt), clone(d.EndedAt)
	return d
}

// CreateDeployment implements core.DeploymentStore.
func (s *Store) CreateDeployment(ctx context.Context, d *core.Deployment) error {
	return s.deploying.deployments.create(ctx, s, d)
}

// UpdateDeployment implements core.DeploymentStore.
func (s *Store) UpdateDeployment(ctx context.Context, d *core.Deployment) error {
	return s.deploying.deployments.update(ctx, s, d)
}

// Deployment implements core.DeploymentStore.
func (s *Store) Deployment(ctx context.Context, id string) (*core.Deployment, error) {
	return s.deploying.deployments.one(ctx, s, id)
}

// Deployments implements core.DeploymentStore.
func (s *Store) Deployments(ctx context.Context, f core.DeploymentFilter) ([]*core.Deployment, error) {
	list, err := s.deploying.deployments.many(ctx, s, func(d *core.Deployment) bool {
		return (f.Service == "" || d.Service == f.Service) && (f.Node == "" || d.Node == f.Node) &&
			(len(f.States) == 0 || slices.Contains(f.States, d.State)) && (f.Page.After == "" || d.ID < f.Page.After)
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(list)
	limit := min(f.Page.Limit, core.MaxPageLimit)
	if limit <= 0 {
		limit = core.DefaultPageLimit
	}
	return list[:min(limit, len(list))], nil
}

// DeleteDeployment implements core.DeploymentStore.
func (s *Store) DeleteDeployment(ctx context.Context, id string) error {
	return s.deploying.deployments.delete(ctx, s, id, whichever)
}

// CreateService implements core.DeploymentStore.
func (s *Store) CreateService(ctx context.Context, service *core.Service) error {
	return s.deploying.services.create(ctx, s, service)
}

// UpdateService implements core.DeploymentStore.
func (s *Store) UpdateService(ctx context.Context, service *core.Service) error {
	return s.deploying.services.update(ctx, s, service)
}

// Service implements core.DeploymentStore.
func (s *Store) Service(ctx context.Context, name string) (*core.Service, error) {
	return s.deploying.services.one(ctx, s, name)
}

// Services implements core.DeploymentStore.
func (s *Store) Services(ctx context.Context) ([]*core.Service, error) {
	return s.deploying.services.many(ctx, s, whichever)
}

// CreatePortLease implements core.DeploymentStore.
func (s *Store) CreatePortLease(ctx context.Context, l *core.PortLease) error {
	return s.deploying.leases.create(ctx, s, l)
}

// DeletePortLease implements core.DeploymentStore.
func (s *Store) DeletePortLease(ctx context.Context, id, service string) error {
	return s.deploying.leases.delete(ctx, s, id, func(l *core.PortLease) bool { return l.Service == service })
}

// PortLease implements core.DeploymentStore.
func (s *Store) PortLease(ctx context.Context, id string) (*core.PortLease, error) {
	return s.deploying.leases.one(ctx, s, id)
}

// PortLeases implements core.DeploymentStore.
func (s *Store) PortLeases(ctx context.Context, node string) ([]*core.PortLease, error) {
	return s.deploying.leases.many(ctx, s, func(l *core.PortLease) bool { return node == "" || l.Node == node })
}

// CreateServiceNode implements core.DeploymentStore.
func (s *Store) CreateServiceNode(ctx context.Context, n *core.ServiceNode) error {
	return s.deploying.nodes.create(ctx, s, n)
}

// UpdateServiceNode implements core.DeploymentStore.
func (s *Store) UpdateServiceNode(ctx context.Context, n *core.ServiceNode) error {
	return s.deploying.nodes.update(ctx, s, n)
}

// ServiceNode implements core.DeploymentStore.
func (s *Store) ServiceNode(ctx context.Context, id string) (*core.ServiceNode, error) {
	return s.deploying.nodes.one(ctx, s, id)
}

// ServiceNodes implements core.DeploymentStore.
func (s *Store) ServiceNodes(ctx context.Context) ([]*core.ServiceNode, error) {
	return s.deploying.nodes.many(ctx, s, whichever)
}
