package sqlite

import (
	"context"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// create inserts a document; one whose ID is there is Conflict.
func (s *Store) create(ctx context.Context, noun, id string, document any, statement string, args ...any) error {
	data, err := encode(document)
	if err != nil {
		return err
	}
	return s.writer.do(ctx, true, func(t *tx) error {
		err := t.exec(statement, append(args, data)...)
		if taken(err) {
			return core.Conflict(noun, id)
		}
		return err
	})
}

// update changes the one row that has the version before; table is where it would be.
func (s *Store) update(ctx context.Context, noun, table, id string, document any, statement string, args ...any) error {
	data, err := encode(document)
	if err != nil {
		return err
	}
	return s.writer.do(ctx, true, func(t *tx) error {
		changed, err := t.change(statement, append([]any{data}, args...)...)
		if err == nil && changed == 0 {
			err = t.whyNot("SELECT count(*) FROM "+table+" WHERE id = ?", noun, id)
		}
		return err
	})
}

// CreateDeployment implements core.DeploymentStore.
func (s *Store) CreateDeployment(ctx context.Context, d *core.Deployment) error {
	stored := *d
	stored.Version = 1
	err := s.create(ctx, "deployment", d.ID, &stored, "INSERT INTO deployments (id, service, node, state, version, doc) VALUES (?, ?, ?, ?, 1, ?)",
		d.ID, d.Service, d.Node, d.State)
	if err == nil {
		d.Version = 1
	}
	return err
}

// UpdateDeployment implements core.DeploymentStore.
func (s *Store) UpdateDeployment(ctx context.Context, d *core.Deployment) error {
	stored := *d
	stored.Version++
	err := s.update(ctx, "deployment", "deployments", d.ID, &stored,
		"UPDATE deployments SET doc = ?, service = ?, node = ?, state = ?, version = ? WHERE id = ? AND version = ?",
		d.Service, d.Node, d.State, stored.Version, d.ID, d.Version)
	if err == nil {
		d.Version++
	}
	return err
}

// Deployment implements core.DeploymentStore.
func (s *Store) Deployment(ctx context.Context, id string) (*core.Deployment, error) {
	return one[core.Deployment](ctx, s, core.NotFound("deployment", id), "SELECT doc FROM deployments WHERE id = ?", id)
}

// Deployments implements core.DeploymentStore.
func (s *Store) Deployments(ctx context.Context, f core.DeploymentFilter) ([]*core.Deployment, error) {
	where, args := []string{"1"}, []any{}
	add := func(condition, value string) {
		if value != "" {
			where, args = append(where, condition), append(args, value)
		}
	}
	add("service = ?", f.Service)
	add("node = ?", f.Node)
	add("id < ?", f.Page.After)
	if len(f.States) > 0 {
		where = append(where, "state IN (?"+strings.Repeat(", ?", len(f.States)-1)+")")
		for _, state := range f.States {
			args = append(args, state)
		}
	}
	return many[core.Deployment](ctx, s, "SELECT doc FROM deployments WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?",
		append(args, limitOf(f.Page))...)
}

// DeleteDeployment implements core.DeploymentStore.
func (s *Store) DeleteDeployment(ctx context.Context, id string) error {
	_, err := s.deleteMany(ctx, "DELETE FROM deployments WHERE id = ?", id)
	return err
}

// CreateService implements core.DeploymentStore.
func (s *Store) CreateService(ctx context.Context, service *core.Service) error {
	stored := *service
	stored.Version = 1
	err := s.create(ctx, "service", service.Name, &stored, "INSERT INTO services (id, version, doc) VALUES (?, 1, ?)", service.Name)
	if err == nil {
		service.Version = 1
	}
	return err
}

// UpdateService implements core.DeploymentStore.
func (s *Store) UpdateService(ctx context.Context, service *core.Service) error {
	stored := *service
	stored.Version++
	err := s.update(ctx, "service", "services", service.Name, &stored,
		"UPDATE services SET doc = ?, version = ? WHERE id = ? AND version = ?", stored.Version, service.Name, service.Version)
	if err == nil {
		service.Version++
	}
	return err
}

// Service implements core.DeploymentStore.
func (s *Store) Service(ctx context.Context, name string) (*core.Service, error) {
	return one[core.Service](ctx, s, core.NotFound("service", name), "SELECT doc FROM services WHERE id = ?", name)
}

// Services implements core.DeploymentStore.
func (s *Store) Services(ctx context.Context) ([]*core.Service, error) {
	return many[core.Service](ctx, s, "SELECT doc FROM services ORDER BY id")
}

// CreatePortLease implements core.DeploymentStore.
func (s *Store) CreatePortLease(ctx context.Context, l *core.PortLease) error {
	return s.create(ctx, "port", l.ID, l, "INSERT INTO port_leases (id, node, service, doc) VALUES (?, ?, ?, ?)", l.ID, l.Node, l.Service)
}

// DeletePortLease implements core.DeploymentStore.
func (s *Store) DeletePortLease(ctx context.Context, id, service string) error {
	_, err := s.deleteMany(ctx, "DELETE FROM port_leases WHERE id = ? AND service = ?", id, service)
	return err
}

// PortLease implements core.DeploymentStore.
func (s *Store) PortLease(ctx context.Context, id string) (*core.PortLease, error) {
	return one[core.PortLease](ctx, s, core.NotFound("port", id), "SELECT doc FROM port_leases WHERE id = ?", id)
}

// PortLeases implements core.DeploymentStore.
func (s *Store) PortLeases(ctx context.Context, node string) ([]*core.PortLease, error) {
	return many[core.PortLease](ctx, s, "SELECT doc FROM port_leases WHERE ? IN ('', node) ORDER BY id", node)
}

// CreateServiceNode implements core.DeploymentStore.
func (s *Store) CreateServiceNode(ctx context.Context, n *core.ServiceNode) error {
	stored := *n
	stored.Version = 1
	err := s.create(ctx, "node", n.ID, &stored, "INSERT INTO service_nodes (id, version, doc) VALUES (?, 1, ?)", n.ID)
	if err == nil {
		n.Version = 1
	}
	return err
}

// UpdateServiceNode implements core.DeploymentStore.
func (s *Store) UpdateServiceNode(ctx context.Context, n *core.ServiceNode) error {
	stored := *n
	stored.Version++
	err := s.update(ctx, "node", "service_nodes", n.ID, &stored,
		"UPDATE service_nodes SET doc = ?, version = ? WHERE id = ? AND version = ?", stored.Version, n.ID, n.Version)
	if err == nil {
		n.Version++
	}
	return err
}

// ServiceNode implements core.DeploymentStore.
func (s *Store) ServiceNode(ctx context.Context, id string) (*core.ServiceNode, error) {
	return one[core.ServiceNode](ctx, s, core.NotFound("node", id), "SELECT doc FROM service_nodes WHERE id = ?", id)
}

// ServiceNodes implements core.DeploymentStore.
func (s *Store) ServiceNodes(ctx context.Context) ([]*core.ServiceNode, error) {
	return many[core.ServiceNode](ctx, s, "SELECT doc FROM service_nodes ORDER BY id")
}
