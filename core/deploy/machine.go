package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// failure is why a deployment is undone, for people; other errors are of the store, and
// what was to be done is done again.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }

func fail(format string, args ...any) error { return &failure{fmt.Sprintf(format, args...)} }

// drive brings a deployment from the state it is in to its end. The caller has the
// service's lock.
func (m *Manager) drive(ctx context.Context, j *job, d *core.Deployment) error {
	s, err := m.serviceFor(ctx, d)
	if err != nil {
		return err
	}
	if s.Deploying != "" && s.Deploying != d.ID { // what a crash left is done first
		if err := m.clear(ctx, s); err != nil {
			return err
		}
	}
	begun, state := time.Now(), d.State
	for !d.State.Ended() && (d.State != core.DeploymentLive || s.Deploying == d.ID) {
		err := m.step(ctx, j, d, s)
		var f *failure
		if errors.As(err, &f) {
			err = m.undo(ctx, j, d, f.text)
		}
		if err != nil {
			return err
		}
	}
	if s.Deploying == d.ID {
		if err := m.letGo(ctx, s); err != nil {
			return err
		}
	}
	if d.State != state {
		m.options.Observer.DeploymentEnded(d, time.Since(begun))
	}
	m.watch(s)
	return nil
}

// serviceFor returns the registry's entry, a new one if there is none.
func (m *Manager) serviceFor(ctx context.Context, d *core.Deployment) (*core.Service, error) {
	s, err := m.options.Store.Service(ctx, d.Service)
	if core.CodeOf(err) != core.CodeNotFound {
		return s, err
	}
	s = &core.Service{Name: d.Service, Node: d.Node, State: core.ServiceDeploying, Health: core.HealthUnknown, CreatedAt: now(), ChangedAt: now()}
	err = m.options.Store.CreateService(ctx, s)
	if core.CodeOf(err) == core.CodeConflict { // by another node
		return m.options.Store.Service(ctx, d.Service)
	}
	return s, err
}

// step does what a state stands for, and stores the next one.
func (m *Manager) step(ctx context.Context, j *job, d *core.Deployment, s *core.Service) error {
	if d.State != core.DeploymentRollingBack && d.State != core.DeploymentLive && j.stop.Err() != nil {
		return fail("%v", context.Cause(j.stop))
	}
	switch d.State {
	case core.DeploymentPending:
		return m.claim(ctx, j, d, s)
	case core.DeploymentStarting:
		return m.startNew(ctx, j, d)
	case core.DeploymentChecking:
		return m.checkNew(ctx, j, d)
	case core.DeploymentActivating:
		return m.activate(ctx, j, d)
	case core.DeploymentRollingBack:
		return m.goBack(ctx, j, d, s)
	case core.DeploymentLive:
		return m.replaceOld(ctx, j, d, s)
	}
	return fmt.Errorf("deployment %s is in the state %q, which this version does not know", d.ID, d.State)
}

// claim takes the service and the ports.
func (m *Manager) claim(ctx context.Context, j *job, d *core.Deployment, s *core.Service) error {
	if s.Node != d.Node && (s.Live != "" || s.Deploying != "") {
		return m.refuse(ctx, d, fmt.Sprintf("service %s runs on node %s; stop it there before it is deployed from %s", s.Name, s.Node, d.Node))
	}
	if s.Deploying != d.ID {
		s.Deploying, s.Stopping, s.Node, s.ChangedAt = d.ID, "", d.Node, now()
		if s.Live == "" && s.Last == "" {
			s.State = core.ServiceDeploying
		}
		if err := m.options.Store.UpdateService(ctx, s); err != nil {
			return err
		}
	}
	d.Previous = s.Live
	ports, err := m.lease(ctx, d)
	if err != nil {
		return err
	}
	d.Ports, d.Endpoint = ports, endpointOf(d, ports)
	j.say("deploying %s", describe(d))
	for _, p := range ports {
		j.say("port %s is %s", p.Name, p.String())
	}
	return m.to(ctx, d, core.DeploymentStarting)
}

// refuse ends a deployment that never had the service.
func (m *Manager) refuse(ctx context.Context, d *core.Deployment, why string) error {
	d.Message = why
	return m.end(ctx, d, core.DeploymentFailed)
}

func (m *Manager) startNew(ctx context.Context, j *job, d *core.Deployment) error {
	if d.Previous != "" && d.Release.Handover == core.HandoverReplace {
		previous, err := m.options.Store.Deployment(ctx, d.Previous)
		if err != nil {
			return err
		}
		j.say("stopping %s, which is to be replaced", describe(previous))
		if err := m.stopInstance(ctx, previous); err != nil {
			return failed(ctx, "%s could not be stopped: %v", describe(previous), err)
		}
	}
	j.say("starting")
	if err := m.startInstance(ctx, d); err != nil {
		return failed(ctx, "it could not be started: %v", err)
	}
	if d.Release.Handover == core.HandoverActivateThenCheck {
		d.Activated = true
		return m.to(ctx, d, core.DeploymentActivating)
	}
	return m.to(ctx, d, core.DeploymentChecking)
}

func (m *Manager) checkNew(ctx context.Context, j *job, d *core.Deployment) error {
	if err := m.untilHealthy(ctx, j, d); err != nil {
		return err
	}
	d.Checked = true
	if d.Activated {
		return m.live(ctx, d)
	}
	d.Activated = true
	return m.to(ctx, d, core.DeploymentActivating)
}

func (m *Manager) activate(ctx context.Context, j *job, d *core.Deployment) error {
	if !d.Checked {
		if err := m.mustRun(ctx, d); err != nil {
			return err
		}
	}
	endpoint, err := m.activateInstance(ctx, d)
	if err != nil {
		return failed(ctx, "it could not be activated: %v", err)
	}
	if endpoint != "" {
		d.Endpoint = endpoint
	}
	if !d.Checked {
		j.say("activated; checking it in its place")
		return m.to(ctx, d, core.DeploymentChecking)
	}
	return m.live(ctx, d)
}

func (m *Manager) live(ctx context.Context, d *core.Deployment) error {
	at := now()
	d.LiveAt, d.Message = &at, ""
	return m.to(ctx, d, core.DeploymentLive)
}

// replaceOld makes the registry say what is live, and ends what was.
func (m *Manager) replaceOld(ctx context.Context, j *job, d *core.Deployment, s *core.Service) error {
	if s.Live != d.ID {
		s.Live, s.Last, s.State, s.Health, s.HealthMessage, s.ChangedAt = d.ID, d.ID, core.ServiceLive, core.HealthHealthy, "", now()
		if err := m.options.Store.UpdateService(ctx, s); err != nil {
			return err
		}
		where := ""
		if d.Endpoint != "" {
			where = " at " + d.Endpoint
		}
		j.say("%s is live%s", describe(d), where)
	}
	if d.Previous != "" {
		previous, err := m.options.Store.Deployment(ctx, d.Previous)
		if err != nil && core.CodeOf(err) != core.CodeNotFound {
			return err
		}
		if err == nil {
			if err := m.supersede(ctx, j, previous); err != nil {
				return err
			}
		}
	}
	if err := m.letGo(ctx, s); err != nil {
		return err
	}
	m.prune(ctx, s)
	return nil
}

// supersede stores that a deployment is over, and stops what is left of it. An instance
// that does not stop keeps nobody from being live; it is tried again by who holds the
// service.
func (m *Manager) supersede(ctx context.Context, j *job, previous *core.Deployment) error {
	if !previous.State.Ended() {
		if err := m.end(ctx, previous, core.DeploymentSuperseded); err != nil {
			return err
		}
	}
	if err := m.stopInstance(ctx, previous); err != nil {
		j.say("%s could not be stopped yet: %v", describe(previous), err)
		return fmt.Errorf("stop what was superseded: %w", err)
	}
	return nil
}

// to stores a state.
func (m *Manager) to(ctx context.Context, d *core.Deployment, state core.DeploymentState) error {
	d.State, d.UpdatedAt = state, now()
	return m.options.Store.UpdateDeployment(ctx, d)
}

// end stores an end.
func (m *Manager) end(ctx context.Context, d *core.Deployment, state core.DeploymentState) error {
	at := now()
	d.EndedAt = &at
	return m.to(ctx, d, state)
}

// failed is the failure of what a connector was asked for, unless it was the manager that
// stopped asking.
func failed(ctx context.Context, format string, args ...any) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fail(format, args...)
}

// describe names a deployment for people.
func describe(d *core.Deployment) string {
	if d.Release.Version == "" {
		return d.Service
	}
	return d.Service + " " + d.Release.Version
}
