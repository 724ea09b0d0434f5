// Package health finds out how a server and its parts are, within time limits: a part
// that does not answer is a finding and not a wait.
package health

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

const (
	// DefaultLimit is how long a component may take.
	DefaultLimit = 2 * time.Second
	// freshFor is how long a finding counts: who asks, and how often, costs nothing.
	freshFor = time.Second
)

// Component is a part to look at.
type Component struct {
	Name string
	// Critical: without it, the server cannot do its work.
	Critical bool
	// Limit is how long Look may take; 0 means DefaultLimit.
	Limit time.Duration
	// Look finds out. It should keep to ctx, which ends at the limit. One call goes on
	// at a time: while one hangs, there is no other.
	Look func(ctx context.Context) Finding
}

// Finding is what was seen of a component.
type Finding struct {
	Status  core.HealthStatus
	Message string
	Err     error
	// What was measured, if anything: see core.ComponentHealth.
	Measure, Unit string
	Value         float64
}

// Checker looks at components. It is safe for concurrent use.
type Checker struct {
	parts []*part
	phase atomic.Pointer[string]
}

// New makes a Checker in the phase "starting".
func New(components ...Component) *Checker {
	c := &Checker{}
	for _, component := range components {
		if component.Limit == 0 {
			component.Limit = DefaultLimit
		}
		c.parts = append(c.parts, &part{Component: component})
	}
	c.SetPhase("starting")
	return c
}

// SetPhase says where in its life the server is: "starting", "stopping", or empty while
// it does its work.
func (c *Checker) SetPhase(phase string) { c.phase.Store(&phase) }

// Check looks at all components at once. It takes no longer than the longest limit, nor
// than ctx.
func (c *Checker) Check(ctx context.Context) core.HealthReport {
	report := core.HealthReport{Status: core.HealthPass, Phase: *c.phase.Load(), Components: make([]core.ComponentHealth, len(c.parts))}
	var all sync.WaitGroup
	for i, p := range c.parts {
		all.Go(func() { report.Components[i] = p.check(ctx) })
	}
	all.Wait()
	for i, found := range report.Components {
		switch {
		case found.Status == core.HealthFail && c.parts[i].Critical:
			report.Status = core.HealthFail
		case found.Status != core.HealthPass && report.Status == core.HealthPass:
			report.Status = core.HealthWarn
		}
	}
	if report.Phase != "" {
		report.Status = core.HealthFail
	}
	return report
}

// part is a component and the last look at it.
type part struct {
	Component
	mu   sync.Mutex
	last *look
}

// look is one look, which all share who ask while it goes on or is fresh.
type look struct {
	began time.Time
	done  chan struct{}
	found core.ComponentHealth // set before done is closed
}

func (p *part) check(ctx context.Context) core.ComponentHealth {
	l := p.look()
	timer := time.NewTimer(p.Limit - time.Since(l.began))
	defer timer.Stop()
	message := "it did not answer within " + p.Limit.String()
	select {
	case <-l.done:
		return l.found
	case <-timer.C:
	case <-ctx.Done():
		message = "it was not waited for"
	}
	return core.ComponentHealth{Name: p.Name, Status: core.HealthFail, Message: message, Took: time.Since(l.began), At: l.began}
}

// look returns the look that goes on, or the last one if it is fresh, or begins one.
func (p *part) look() *look {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil {
		select {
		case <-p.last.done:
			if time.Since(p.last.began) < freshFor {
				return p.last
			}
		default:
			return p.last
		}
	}
	l := &look{began: time.Now(), done: make(chan struct{})}
	p.last = l
	go func() {
		defer close(l.done)
		ctx, cancel := context.WithTimeout(context.Background(), p.Limit)
		defer cancel()
		f := p.Look(ctx)
		l.found = core.ComponentHealth{Name: p.Name, Status: f.Status, Message: f.Message, Err: f.Err, Measure: f.Measure, Unit: f.Unit, Value: f.Value,
			Took: time.Since(l.began), At: l.began.UTC()}
	}()
	return l
}
