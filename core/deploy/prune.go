package deploy

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

// prune removes releases beyond those that are kept, and deployments beyond the history. What
// does not work is left for the next time. The caller has the service's lock.
func (m *Manager) prune(ctx context.Context, s *core.Service) {
	list, err := m.history(ctx, s.Name)
	if err != nil {
		m.log.Warn("old releases are not removed", "service", s.Name, "error", err)
		return
	}
	for _, d := range m.unwanted(s, list) {
		if err := m.removeRelease(ctx, &d.Release); err != nil {
			m.log.Warn("an old release could not be removed", "service", s.Name, "release", d.Release.ID, "error", err)
			continue
		}
		for _, other := range list {
			if other.Release.ID == d.Release.ID && !other.ReleaseRemoved {
				other.ReleaseRemoved = true
				if err := m.options.Store.UpdateDeployment(ctx, other); err != nil {
					m.log.Warn("an old release is removed, which could not be stored", "deployment", other.ID, "error", err)
				}
			}
		}
	}
	for i, d := range list {
		if i >= m.options.MaxHistory && d.State.Ended() && d.ReleaseRemoved {
			if err := m.options.Store.DeleteDeployment(ctx, d.ID); err != nil {
				m.log.Warn("an old deployment could not be removed", "deployment", d.ID, "error", err)
			}
		}
	}
}

// unwanted returns one deployment of each release that is not to be kept: those that were
// live stay up to a number, those that never were stay while they are the newest.
func (m *Manager) unwanted(s *core.Service, newestFirst []*core.Deployment) []*core.Deployment {
	keep, kept := m.options.Keep, map[string]bool{}
	for _, d := range newestFirst {
		if d.ID == s.Live {
			kept[d.Release.ID] = true
			keep = orElse(d.Release.Keep, keep)
		}
		if !d.State.Ended() {
			kept[d.Release.ID] = true
		}
	}
	for i, d := range newestFirst {
		if i == 0 || d.LiveAt != nil && len(kept) < keep {
			kept[d.Release.ID] = true
		}
	}
	var out []*core.Deployment
	for _, d := range newestFirst {
		if !kept[d.Release.ID] && !d.ReleaseRemoved {
			kept[d.Release.ID] = true // once
			out = append(out, d)
		}
	}
	return out
}

// history returns all deployments of a service, newest first.
func (m *Manager) history(ctx context.Context, service string) ([]*core.Deployment, error) {
	filter := core.DeploymentFilter{Service: service, Page: core.Page{Limit: core.MaxPageLimit}}
	var all []*core.Deployment
	for {
		list, err := m.options.Store.Deployments(ctx, filter)
		if err != nil || len(list) == 0 {
			return all, err
		}
		all = append(all, list...)
		filter.Page.After = list[len(list)-1].ID
	}
}
