package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// watcher watches over the live instance of a service.
type watcher struct {
	deployment string
	cancel     context.CancelFunc
}

// errEnded ends a watching: the instance has ended.
var errEnded = errors.New("the instance ended")

// watch has the live instance of a service watched over, and no other.
func (m *Manager) watch(s *core.Service) {
	m.mu.Lock()
	there, watching := m.watchers[s.Name]
	if watching && there.deployment == s.Live {
		m.mu.Unlock()
		return
	}
	if watching {
		there.cancel()
		delete(m.watchers, s.Name)
	}
	if s.Live == "" {
		m.mu.Unlock()
		return
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.watchers[s.Name] = watcher{deployment: s.Live, cancel: cancel}
	m.mu.Unlock()
	name, id := s.Name, s.Live
	m.goOn(func() {
		m.checkLive(ctx, name, id)
	})
	m.goOn(func() {
		m.supervise(ctx, name, id)
	})
}

// supervise starts an instance again whenever it has ended, until it is not the live one
// any more. The connector tells of the end; nothing is polled here.
func (m *Manager) supervise(ctx context.Context, service, id string) {
	for wait := m.options.RestartDelay; ctx.Err() == nil; {
		status, err := m.untilEnded(ctx, id)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			m.log.Warn("a service cannot be watched", "service", service, "in", wait, "error", err)
			m.note(ctx, service, id, core.HealthUnknown, "it cannot be watched: "+err.Error())
			pause(ctx, wait)
			wait = min(2*wait, maxRestartWait)
			continue
		}
		wait = m.options.RestartDelay
		if !m.restart(ctx, service, id, status) {
			return
		}
	}
}

// untilEnded waits for the end of an instance. An error means that it could not be
// watched.
func (m *Manager) untilEnded(ctx context.Context, id string) (sdk.InstanceStatus, error) {
	d, err := m.options.Store.Deployment(ctx, id)
	if err != nil {
		return sdk.InstanceStatus{}, err
	}
	var last sdk.InstanceStatus
	for barren := 1; ; {
		err := m.options.Connectors.Use(ctx, d.Release.Connector, func(client *sdk.Client, _ sdk.Info) error {
			return client.WatchInstance(ctx, sdk.WatchInstanceRequest{Instance: instance(d)}, func(s sdk.InstanceStatus) error {
				barren = 0
				if last = s; s.State != sdk.InstanceRunning {
					return errEnded
				}
				return nil
			})
		})
		switch {
		case errors.Is(err, errEnded):
			return last, nil
		case ctx.Err() != nil || !errors.Is(err, sdk.ErrGone):
			return last, err
		}
		if barren++; barren > maxBarrenCalls {
			return last, err
		}
	}
}

// restart starts an ended instance again after a pause, or gives it up. It reports whether
// there is anything left to watch over.
func (m *Manager) restart(ctx context.Context, service, id string, status sdk.InstanceStatus) bool {
	d, err := m.options.Store.Deployment(ctx, id)
	if err != nil {
		return pause(ctx, m.options.RestartDelay)
	}
	m.forget(d)
	if s, err := m.options.Store.Service(ctx, service); err == nil && s.Deploying == "" && s.Stopping == "" {
		delay := min(m.options.RestartDelay<<min(d.Restarts, 16), maxRestartWait)
		m.log.Warn("the instance of a service ended", "service", service, "deployment", id, "why", ended(status), "restarts", d.Restarts, "in", delay)
		m.note(ctx, service, id, core.HealthRestarting, ended(status))
		if !pause(ctx, delay) {
			return false
		}
	}
	unlock, err := m.lock(ctx, service)
	if err != nil {
		return false
	}
	defer unlock()
	s, d, err := m.liveOf(ctx, service, id)
	if err != nil || d == nil {
		return err != nil // try again, or it is not ours any more
	}
	if now, err := m.inspectInstance(ctx, d); err != nil || now.State == sdk.InstanceRunning {
		return true // what ended it has started it again: a deployment that was rolled back
	}
	if m.forget(d); d.Restarts >= m.options.MaxRestarts {
		m.giveUp(s, fmt.Sprintf("it was started again %d times in a row, and ended each time; the last time %s", d.Restarts, ended(status)))
		return false
	}
	d.Restarts++
	if err := m.to(ctx, d, d.State); err != nil {
		return true
	}
	if err := m.startInstance(ctx, d); err != nil {
		m.log.Warn("the instance could not be started again", "service", service, "deployment", id, "error", err)
		_ = m.setHealth(ctx, s, core.HealthRestarting, "it could not be started again: "+err.Error()) // the next try will say it, too
		return true
	}
	m.options.Observer.InstanceRestarted(d)
	_ = m.setHealth(ctx, s, core.HealthUnknown, "it was started again: "+ended(status)) // the next check will say it
	return true
}

// forget lets a service that ran for long begin anew.
func (m *Manager) forget(d *core.Deployment) {
	if since(d.UpdatedAt) > m.options.RestartReset {
		d.Restarts = 0
	}
}

// giveUp ends a service that does not stay alive. The caller has its lock.
func (m *Manager) giveUp(s *core.Service, why string) {
	m.log.Error("a service is given up", "service", s.Name, "deployment", s.Live, "why", why)
	m.insist("give up "+s.Name, func() error {
		fresh, err := m.options.Store.Service(m.ctx, s.Name)
		if err != nil {
			return err
		}
		if err := m.endLive(m.ctx, fresh, core.DeploymentFailed, why); err != nil {
			return err
		}
		m.watch(fresh)
		return nil
	})
}

// liveOf returns a service and its live deployment, nil when another one is live. The
// caller has the service's lock.
func (m *Manager) liveOf(ctx context.Context, service, id string) (*core.Service, *core.Deployment, error) {
	s, err := m.options.Store.Service(ctx, service)
	if err != nil {
		return nil, nil, err
	}
	d, err := m.options.Store.Deployment(ctx, id)
	if core.CodeOf(err) == core.CodeNotFound || err == nil && (s.Live != id || s.Stopping != "" || d.State != core.DeploymentLive) {
		return s, nil, nil
	}
	return s, d, err
}

// checkLive checks what is live, for the registry.
func (m *Manager) checkLive(ctx context.Context, service, id string) {
	failures := 0
	for first := true; ctx.Err() == nil; first = false {
		d, err := m.options.Store.Deployment(ctx, id)
		if err != nil || d.State != core.DeploymentLive {
			if !pause(ctx, m.options.LiveInterval) {
				return
			}
			continue
		}
		interval := max(d.Release.Health.Interval.Std(), m.options.LiveInterval)
		if !first && !pause(ctx, interval) {
			return
		}
		err = m.check(ctx, d)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failures = 0
			m.note(ctx, service, id, core.HealthHealthy, "")
		default:
			failures++
			if failures >= min(3, orElse(d.Release.Health.Retries, defaultRetries)) {
				m.note(ctx, service, id, core.HealthUnhealthy, err.Error())
			}
		}
		if first && !pause(ctx, interval) {
			return
		}
	}
}

// note stores the health of what is live, if it changed. When the service is at work it is
// left: the next check will say it.
func (m *Manager) note(ctx context.Context, service, id string, health core.ServiceHealth, message string) {
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	unlock, err := m.lock(soon, service)
	if err != nil {
		return
	}
	defer unlock()
	s, d, err := m.liveOf(ctx, service, id)
	if err == nil && d != nil {
		err = m.setHealth(ctx, s, health, message)
	}
	if err != nil && ctx.Err() == nil {
		m.log.Warn("the health of a service could not be stored", "service", service, "error", err)
	}
}

// setHealth stores a health, if it changed. The caller has the service's lock.
func (m *Manager) setHealth(ctx context.Context, s *core.Service, health core.ServiceHealth, message string) error {
	if s.Health == health && s.HealthMessage == message {
		return nil
	}
	s.Health, s.HealthMessage, s.ChangedAt = health, message, now()
	return m.options.Store.UpdateService(ctx, s)
}
