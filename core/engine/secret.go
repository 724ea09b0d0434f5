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
		return maps.Clone(l.run.values), nil
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
	if err == nil && len(l.run.values) > 0 {
		values = maps.Clone(values)
		maps.Copy(values, l.run.values)
	}
	return values, err
}

// learnValues reads the secret variables that the execution was triggered with: every
// step gets them as it gets secrets, and their values are masked.
func (r *run) learnValues() error {
	if len(r.execution.SecretEnvironment) == 0 {
		return nil
	}
	keeper := r.engine.options.Values
	if keeper == nil {
		return &unrunnable{"it was triggered with secret variables, and there are none here"}
	}
	err := r.persist("read the secret variables", func() (err error) {
		r.values, err = keeper.Values(r.ctx, r.id)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range r.execution.SecretEnvironment {
		if _, there := r.values[name]; !there {
			return &unrunnable{"the value of the secret variable " + name + " is gone"}
		}
	}
	r.masks.with(r.values)
	return nil
}

// learnSecrets has everything masked that any step of the run may get, also before it
// does: a step that runs beside it must not print it either.
func (r *run) learnSecrets() {
	keeper := r.engine.options.Secrets
	if keeper == nil {
		return
	}
	names := map[string]bool{}
	for _, node := range r.plan.Nodes {
		for _, name := range node.Step.Secrets {
			names[name] = true
		}
		for _, hook := range node.Step.Hooks.All() {
			for _, name := range hook.Secrets {
				names[name] = true
			}
		}
	}
	for name := range names {
		values, err := keeper.Resolve(r.ctx, r.execution.PipelineID, []string{name})
		if core.CodeOf(err) == core.CodeNotFound {
			continue // the step will say so; others may not need it
		}
		if err != nil {
			r.log.Warn("a secret that a step may get cannot be masked before it does", "secret", name, "error", err)
			continue
		}
		r.masks.with(values)
	}
}

// masks are the secrets of a run. A step's output is masked for all of them, also for
// those that it did not get: one step may leave a file for the next to print. It is
// safe for concurrent use.
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
