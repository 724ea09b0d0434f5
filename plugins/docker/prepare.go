package main

import (
	"context"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxPrepared bounds what is remembered of containers that were got ready.
const maxPrepared = 1000

// preparedContainers are those that this process has made for attempts that have not
// begun.
type preparedContainers struct {
	mu        sync.Mutex
	byAttempt map[string]*existing
}

func (p *preparedContainers) add(attemptID string, made *existing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byAttempt == nil || len(p.byAttempt) >= maxPrepared {
		p.byAttempt = map[string]*existing{} // what is forgotten is found by its name
	}
	p.byAttempt[attemptID] = made
}

// take returns what was made for the attempt, once.
func (p *preparedContainers) take(attemptID string) *existing {
	p.mu.Lock()
	defer p.mu.Unlock()
	made := p.byAttempt[attemptID]
	delete(p.byAttempt, attemptID)
	return made
}

// hostKind is whether the host will come back for its steps, which its first RunStep
// says: not so PrepareStep, which may come at the same time.
type hostKind struct {
	once  *sync.Once
	known chan struct{} // closed when it is
	kind  *bool
}

func newHostKind() hostKind {
	return hostKind{once: new(sync.Once), known: make(chan struct{}), kind: new(bool)}
}

func (h hostKind) learn(tied bool) {
	h.once.Do(func() {
		*h.kind = tied
		close(h.known)
	})
}

// firstStep is how long to wait for the step before the one to prepare: it may be
// another connector's.
const firstStep = time.Second

func (h hostKind) tied(ctx context.Context) bool {
	limit := time.NewTimer(firstStep)
	defer limit.Stop()
	select {
	case <-h.known:
		return *h.kind
	case <-limit.C:
	case <-ctx.Done():
	}
	return false
}

// PrepareStep implements sdk.StepPreparer.
func (c *connector) PrepareStep(ctx context.Context, r sdk.PrepareStepRequest) error {
	if err := c.engine.usable(); err != nil {
		return err
	}
	return c.Prepare(ctx, r)
}

// prepare makes, and does not start, the container of the attempt that is probably
// the next, pulling its image if need be. run takes it if it is what is asked for
// then. What it cannot do ahead is done when the step begins: a tag that is always
// pulled may have moved by then, and services would use the machine meanwhile.
func (c *connector) prepare(ctx context.Context, r sdk.Request[config]) error {
	if r.Config.Pull == pullAlways || len(r.Config.Services) > 0 {
		return nil
	}
	r.CancelOnDisconnect = c.host.tied(ctx)
	leave := c.locks.tryEnter(r.Step.AttemptID)
	if leave == nil {
		return nil // it has begun
	}
	defer leave()
	wanted, err := c.newSpec(ctx, r)
	if err == nil {
		err = wanted.mark()
	}
	if err != nil {
		return err
	}
	wanted.config.Labels[labelPrepared] = "true"
	made, err := c.make(ctx, r, order{name: containerName(r.Step.AttemptID), image: r.Config.Image, wanted: wanted,
		pulled: r.Config.Pull == pullNever, report: func(string, int) error { return nil }})
	if err == nil && made.status == container.StateCreated {
		c.prepared.add(r.Step.AttemptID, made)
	}
	return err
}
