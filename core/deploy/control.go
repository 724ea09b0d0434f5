package deploy

import (
	"context"
	"io"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/core"
)

// Rollback implements core.ServiceKeeper.
func (m *Manager) Rollback(ctx context.Context, name, to, by string) (*core.Deployment, error) {
	s, err := m.idle(ctx, name)
	if err != nil {
		return nil, err
	}
	target, err := m.rollbackTarget(ctx, s, to)
	if err != nil {
		return nil, err
	}
	return m.again(ctx, s, target, core.DeployRollback, by)
}

// rollbackTarget finds the deployment whose release is to be live again.
func (m *Manager) rollbackTarget(ctx context.Context, s *core.Service, to string) (*core.Deployment, error) {
	if to != "" {
		d, err := m.options.Store.Deployment(ctx, to)
		switch {
		case err != nil:
			return nil, err
		case d.Service != s.Name:
			return nil, core.NotFound("deployment of service "+s.Name, to)
		case d.ReleaseRemoved:
			return nil, &core.Error{Code: core.CodeConflict, Message: "the release of deployment " + to + " is not kept any longer",
				Suggestions: []string{"deploy it again by its pipeline", "have more releases kept"}}
		case d.LiveAt == nil:
			return nil, &core.Error{Code: core.CodeConflict, Message: "deployment " + to + " was never live",
				Suggestions: []string{"name one that was"}}
		}
		return d, nil
	}
	list, err := m.history(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	current := ""
	for _, d := range list {
		if d.ID == orElse(s.Live, s.Last) {
			current = d.Release.ID
		}
	}
	for _, d := range list {
		if d.LiveAt != nil && !d.ReleaseRemoved && d.Release.ID != current {
			return d, nil
		}
	}
	return nil, &core.Error{Code: core.CodeConflict, Message: "service " + s.Name + " has no other release to go back to"}
}

// StartService implements core.ServiceKeeper.
func (m *Manager) StartService(ctx context.Context, name, by string) (*core.Deployment, error) {
	s, err := m.idle(ctx, name)
	if err != nil {
		return nil, err
	}
	if s.Live != "" {
		return nil, &core.Error{Code: core.CodeConflict, Message: "service " + name + " is live already"}
	}
	if s.Last == "" {
		return nil, &core.Error{Code: core.CodeConflict, Message: "service " + name + " was never live",
			Suggestions: []string{"deploy it by its pipeline"}}
	}
	last, err := m.options.Store.Deployment(ctx, s.Last)
	if err != nil {
		return nil, err
	}
	return m.again(ctx, s, last, core.DeployStart, by)
}

// idle returns a service of this node that nobody is at work on.
func (m *Manager) idle(ctx context.Context, name string) (*core.Service, error) {
	s, err := m.options.Store.Service(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case s.Deploying != "" || s.Stopping != "":
		return nil, busy(name)
	}
	return s, m.ours(s)
}

// stoppable returns a service that may be stopped; one whose stop did not work out is, too.
func (m *Manager) stoppable(ctx context.Context, name string) (*core.Service, error) {
	s, err := m.options.Store.Service(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case s.Deploying != "":
		return nil, busy(name)
	}
	return s, m.ours(s)
}

func busy(name string) error {
	return &core.Error{Code: core.CodeConflict, Message: "service " + name + " is being deployed or stopped right now",
		Suggestions: []string{"try again when that has ended"}}
}

// ours refuses what only the service's own node can do.
func (m *Manager) ours(s *core.Service) error {
	if s.Node == m.options.Node {
		return nil
	}
	return &core.Error{Code: core.CodeConflict, Message: "service " + s.Name + " is on node " + s.Node + ", not on " + m.options.Node,
		Suggestions: []string{"ask the server of that node"}}
}

// again deploys a release that was deployed before.
func (m *Manager) again(ctx context.Context, s *core.Service, of *core.Deployment, kind core.DeploymentKind, by string) (*core.Deployment, error) {
	at := now()
	d := &core.Deployment{ID: m.options.NewID(), Service: s.Name, Node: m.options.Node, Kind: kind, State: core.DeploymentPending,
		Release: of.Release, By: by, CreatedAt: at, UpdatedAt: at}
	if err := m.options.Store.CreateDeployment(ctx, d); err != nil {
		return nil, err
	}
	answer := *d
	m.begin(d)
	return &answer, nil
}

// StopService implements core.ServiceKeeper.
func (m *Manager) StopService(ctx context.Context, name, _ string) (*core.ServiceView, error) {
	if _, err := m.stoppable(ctx, name); err != nil {
		return nil, err
	}
	unlock, err := m.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := m.stoppable(ctx, name)
	if err != nil {
		return nil, err
	}
	if s.Live != "" {
		// Once it is stored that it stops, it does, whoever waits for it.
		if err := m.endLive(context.WithoutCancel(ctx), s, core.DeploymentStopped, "stopped"); err != nil {
			return nil, &core.Error{Code: core.CodeUnavailable, Message: "service " + name + " could not be stopped",
				Suggestions: []string{"try again; the server's log says more"}, Err: err}
		}
		m.watch(s)
	}
	return m.Service(ctx, name)
}

// Logs implements core.ServiceKeeper.
func (m *Manager) Logs(ctx context.Context, name string, q core.InstanceLogsQuery, out io.Writer) error {
	s, err := m.options.Store.Service(ctx, name)
	if err != nil {
		return err
	}
	if err := m.ours(s); err != nil {
		return err
	}
	id := orElse(q.Deployment, orElse(s.Deploying, orElse(s.Live, s.Last)))
	if id == "" {
		return nil
	}
	d, err := m.options.Store.Deployment(ctx, id)
	if err != nil {
		return err
	}
	if d.Service != name {
		return core.NotFound("deployment of service "+name, id)
	}
	return m.logs(ctx, d, q.Tail, q.Follow, out)
}

// Folder is where a connector keeps what its releases need.
func (m *Manager) Folder(connector string) string { return filepath.Join(m.options.Folder, connector) }
