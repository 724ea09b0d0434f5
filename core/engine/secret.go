package engine

import (
	"maps"
	"slices"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/mask"
	"github.com/patchbay-ci/patchbay/sdk"
)

// secrets returns those that the step names.
func (l *stepLife) secrets() (map[string]string, error) {
	if len(l.spec.Secrets) == 0 {
		return nil, nil
	}
	keeper := l.run.engine.options.Secrets
	if keeper == nil {
		return nil, &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "the step names secrets, and there are none here"}
	}
	var values map[string]string
	err := l.run.persist("read secrets", func() (err error) {
		values, err = keeper.Resolve(l.run.ctx, l.run.execution.PipelineID, l.spec.Secrets)
		return err
	})
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, invalid(err)
	}
	return values, err
}

// recallSecrets masks, after a restart, what steps had been given before it.
func (r *run) recallSecrets() {
	keeper := r.engine.options.Secrets
	for i, node := range r.plan.Nodes {
		if keeper == nil || len(node.Step.Secrets) == 0 || r.steps[i].Status == core.StatusPending || r.steps[i].Reused {
			continue
		}
		values, err := keeper.Resolve(r.ctx, r.execution.PipelineID, node.Step.Secrets)
		if err != nil {
			r.log.Warn("a secret that a step had before the restart cannot be masked", "step", node.Step.Name, "error", err)
			continue
		}
		r.masks.with(values)
	}
}

// masks are the secrets that a run has given to steps so far. A step's output is
// masked for all of them: one step may leave a file for the next to print. It is safe
// for concurrent use.
type masks struct {
	mu     sync.Mutex
	values map[string]bool
	set    *mask.Set
}

// with adds a step's secrets and returns the set of all.
func (m *masks) with(secrets map[string]string) *mask.Set {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := len(m.values)
	for _, value := range secrets {
		if m.values == nil {
			m.values = map[string]bool{}
		}
		m.values[value] = true
	}
	if len(m.values) > known {
		m.set = mask.New(slices.Sorted(maps.Keys(m.values)))
	}
	return m.set
}
