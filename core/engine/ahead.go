package engine

import (
	"sync"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// ahead has the attempts that connectors were asked to get ready for while the step
// before them ran. What an attempt is told when it begins is made anew then; the
// connector sees whether it is what it got ready for.
type ahead struct {
	attempts map[int]string // IDs by node
	asking   sync.WaitGroup
	deaf     sync.Map // connectors, by name, that do not prepare steps
}

// lookAhead announces the step that will begin when a node that was just started ends
// well, if it can be said now what it will be told.
func (r *run) lookAhead(node int) {
	next, ok := r.schedule.dependsOnlyOn(node)
	if !ok || r.halt != nil || r.ahead.attempts[next] != "" || !r.foreseeable(next) {
		return
	}
	if _, deaf := r.ahead.deaf.Load(r.plan.Nodes[next].Step.Connector); deaf {
		return
	}
	attempt := &core.Attempt{ID: r.engine.options.NewID(), Number: 1}
	if r.ahead.attempts == nil {
		r.ahead.attempts = map[int]string{}
	}
	r.ahead.attempts[next] = attempt.ID
	life := r.newStepLife(next, nil)
	r.ahead.asking.Go(func() { life.announce(attempt) })
}

// announce has the step's connector get ready for an attempt, if it is one that does.
func (l *stepLife) announce(attempt *core.Attempt) {
	ctx := l.run.ctx
	err := l.run.engine.options.Connectors.Use(ctx, l.spec.Connector, func(client *sdk.Client, info sdk.Info) error {
		if !info.Has(sdk.CapabilityPrepareStep) {
			l.run.ahead.deaf.Store(l.spec.Connector, true)
			return nil
		}
		l.foreseeTrace(attempt)
		request, err := l.request(attempt)
		if err != nil {
			return err // it will be said when the step begins
		}
		return client.PrepareStep(ctx, sdk.PrepareStepRequest{Step: request.Step})
	})
	if err != nil && ctx.Err() == nil {
		l.run.log.Debug("a step could not be prepared", "step", l.spec.Name, "error", err)
	}
}

// foreseeable reports whether what a node is told depends on nothing that happens
// before it begins.
func (r *run) foreseeable(node int) bool {
	s := r.plan.Nodes[node].Step
	return r.steps[node].Status == core.StatusPending && !r.expressive[node] && s.Condition == "" && s.When == nil &&
		s.Approval == nil && len(s.Hooks.Of(core.HookPre)) == 0 && len(s.Secrets) == 0 && len(r.values) == 0 && len(s.Cache) == 0
}

// prepared returns the attempt that was announced for a node, once; empty for none.
func (r *run) prepared(node int) string {
	id := r.ahead.attempts[node]
	delete(r.ahead.attempts, node)
	return id
}

// dropAhead lets go of what was announced and did not begin.
func (r *run) dropAhead() {
	r.ahead.asking.Wait()
	for node, id := range r.ahead.attempts {
		connector := r.plan.Nodes[node].Step.Connector
		if _, deaf := r.ahead.deaf.Load(connector); !deaf {
			r.destroy(connector, []*core.Attempt{{ID: id}})
		}
	}
	r.ahead.attempts = nil
}
