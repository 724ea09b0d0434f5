package deploy

import (
	"context"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// staleAfter is how many heartbeats a node may miss.
const staleAfter = 3

// takeNode makes this process the one that looks after the node's services. One that did
// so before, and still runs, sees it at its next heartbeat and lets go.
func (m *Manager) takeNode(ctx context.Context) error {
	for {
		n, err := m.options.Store.ServiceNode(ctx, m.options.Node)
		switch {
		case core.CodeOf(err) == core.CodeNotFound:
			n = &core.ServiceNode{ID: m.options.Node, Owner: m.owner, HeartbeatAt: now()}
			err = m.options.Store.CreateServiceNode(ctx, n)
		case err == nil:
			n.Owner, n.HeartbeatAt = m.owner, now()
			err = m.options.Store.UpdateServiceNode(ctx, n)
		}
		if err == nil {
			m.goOn(func() { m.beat(n) })
			return nil
		}
		if core.CodeOf(err) != core.CodeConflict {
			return err
		}
	}
}

// beat says again and again that the node is there.
func (m *Manager) beat(n *core.ServiceNode) {
	for pause(m.ctx, m.options.Heartbeat) {
		n.HeartbeatAt = now()
		err := m.options.Store.UpdateServiceNode(m.ctx, n)
		switch {
		case err == nil || m.ctx.Err() != nil:
		case core.CodeOf(err) == core.CodeConflict:
			m.log.Error("another server of the same node name looks after its services now; this one lets go of them", "node", n.ID)
			m.close(errClosing)
		default:
			m.log.Warn("the heartbeat could not be stored", "node", n.ID, "error", err)
		}
	}
}

// Services implements core.ServiceKeeper.
func (m *Manager) Services(ctx context.Context) ([]*core.ServiceView, error) {
	list, err := m.options.Store.Services(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := m.options.Store.ServiceNodes(ctx)
	if err != nil {
		return nil, err
	}
	beats := map[string]time.Time{}
	for _, n := range nodes {
		beats[n.ID] = n.HeartbeatAt
	}
	views := make([]*core.ServiceView, 0, len(list))
	for _, s := range list {
		v, err := m.view(ctx, s, beats[s.Node])
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// Service implements core.ServiceKeeper.
func (m *Manager) Service(ctx context.Context, name string) (*core.ServiceView, error) {
	s, err := m.options.Store.Service(ctx, name)
	if err != nil {
		return nil, err
	}
	n, err := m.options.Store.ServiceNode(ctx, s.Node)
	if core.CodeOf(err) == core.CodeNotFound {
		n, err = &core.ServiceNode{}, nil
	}
	if err != nil {
		return nil, err
	}
	return m.view(ctx, s, n.HeartbeatAt)
}

func (m *Manager) view(ctx context.Context, s *core.Service, beat time.Time) (*core.ServiceView, error) {
	v := &core.ServiceView{Service: *s, Health: s.Health}
	if !beat.IsZero() {
		v.HeartbeatAt = &beat
	}
	if s.State == core.ServiceLive && since(beat) > staleAfter*m.options.Heartbeat {
		v.Health = core.HealthStale
	}
	if id := orElse(s.Live, s.Last); id != "" {
		d, err := m.options.Store.Deployment(ctx, id)
		if err != nil && core.CodeOf(err) != core.CodeNotFound {
			return nil, err
		}
		v.Deployment = d
	}
	return v, nil
}

// History implements core.ServiceKeeper.
func (m *Manager) History(ctx context.Context, name string, page core.Page) ([]*core.Deployment, error) {
	if _, err := m.options.Store.Service(ctx, name); err != nil {
		return nil, err
	}
	return m.options.Store.Deployments(ctx, core.DeploymentFilter{Service: name, Page: page})
}

// Ports implements core.ServiceKeeper.
func (m *Manager) Ports(ctx context.Context) ([]*core.PortLease, error) {
	return m.options.Store.PortLeases(ctx, "")
}
