package deploy

import (
	"context"
	"fmt"

	"github.com/patchbay-ci/patchbay/core"
)

// undo begins to take a deployment back.
func (m *Manager) undo(ctx context.Context, j *job, d *core.Deployment, why string) error {
	j.say("it failed: %s", why)
	if d.State != core.DeploymentPending {
		m.sayLogs(ctx, j, d)
	}
	d.Message = why
	return m.to(ctx, d, core.DeploymentRollingBack)
}

// goBack stops what was started, and has the one before it serve again.
func (m *Manager) goBack(ctx context.Context, j *job, d *core.Deployment, s *core.Service) error {
	if err := m.stopInstance(ctx, d); err != nil {
		return fmt.Errorf("stop what failed: %w", err)
	}
	if d.Previous == "" || s.Live != d.Previous {
		if s.Live == "" && s.Last == "" {
			s.State = core.ServiceFailed
		}
		j.say("there is nothing to go back to")
		return m.end(ctx, d, core.DeploymentFailed)
	}
	previous, err := m.options.Store.Deployment(ctx, d.Previous)
	if err != nil {
		return err
	}
	back := "it was rolled back to " + describe(previous)
	if err := m.bringBack(ctx, d, previous); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// Who watches over it will try again.
		back = fmt.Sprintf("%s, which was live before, could not be brought back yet: %v", describe(previous), err)
	}
	j.say("%s", back)
	d.Message += "; " + back
	return m.end(ctx, d, core.DeploymentRolledBack)
}

// bringBack starts what was stopped and activates what was taken out of its place.
func (m *Manager) bringBack(ctx context.Context, d, previous *core.Deployment) error {
	if d.Release.Handover == core.HandoverReplace {
		if err := m.startInstance(ctx, previous); err != nil {
			return err
		}
	}
	if d.Activated || d.Release.Handover == core.HandoverReplace {
		_, err := m.activateInstance(ctx, previous)
		return err
	}
	return nil
}

// letGo frees what nobody needs any longer, and gives the service back.
func (m *Manager) letGo(ctx context.Context, s *core.Service) error {
	d, err := m.options.Store.Deployment(ctx, s.Deploying)
	if err != nil && core.CodeOf(err) != core.CodeNotFound {
		return err
	}
	s.Deploying = ""
	if s.Live == "" && (d == nil || d.State.Ended()) && s.State == core.ServiceDeploying {
		s.State = core.ServiceFailed
	}
	if err := m.free(ctx, s); err != nil {
		return err
	}
	s.ChangedAt = now()
	return m.options.Store.UpdateService(ctx, s)
}

// clear brings a service to rest after a crash: what was at work is brought to its end, what
// was to stop is stopped, and no port stays behind. The caller has its lock.
func (m *Manager) clear(ctx context.Context, s *core.Service) error {
	if s.Deploying != "" {
		d, err := m.options.Store.Deployment(ctx, s.Deploying)
		switch {
		case core.CodeOf(err) == core.CodeNotFound:
			return m.letGo(ctx, s)
		case err != nil:
			return err
		case d.State.Ended():
			if err := m.letGo(ctx, s); err != nil {
				return err
			}
		default:
			j := m.listened(d.ID)
			if err := m.drive(ctx, j, d); err != nil {
				return err
			}
			fresh, err := m.options.Store.Service(ctx, s.Name)
			if err != nil {
				return err
			}
			*s = *fresh
			return nil
		}
	}
	if s.Stopping != "" {
		if err := m.endLive(ctx, s, s.Stopping, ""); err != nil {
			return err
		}
	}
	if err := m.free(ctx, s); err != nil {
		return err
	}
	m.watch(s)
	return nil
}

// listened is the job of a deployment, for those who wait for it; another if there is
// none.
func (m *Manager) listened(id string) *job {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.jobs[id]; j != nil {
		return j
	}
	return newJob()
}

// endLive stops the live instance for good. The caller has the service's lock.
func (m *Manager) endLive(ctx context.Context, s *core.Service, as core.DeploymentState, why string) error {
	if s.Stopping != as {
		s.Stopping = as
		if err := m.options.Store.UpdateService(ctx, s); err != nil {
			return err
		}
	}
	d, err := m.options.Store.Deployment(ctx, s.Live)
	switch {
	case err == nil:
		if err := m.stopInstance(ctx, d); err != nil {
			return fmt.Errorf("stop %s: %w", s.Name, err)
		}
		if !d.State.Ended() {
			d.Message = why
			if err := m.end(ctx, d, as); err != nil {
				return err
			}
		}
	case core.CodeOf(err) != core.CodeNotFound:
		return err
	}
	s.Live, s.Stopping, s.State, s.Health, s.HealthMessage = "", "", core.ServiceStopped, core.HealthUnknown, ""
	if as == core.DeploymentFailed {
		s.State, s.HealthMessage = core.ServiceFailed, why
	}
	if err := m.free(ctx, s); err != nil {
		return err
	}
	s.ChangedAt = now()
	return m.options.Store.UpdateService(ctx, s)
}
