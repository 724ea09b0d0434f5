package deploy

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// maxWords is how many lines of a deployment are kept for those who listen.
const maxWords = 1000

// errCancelled is why a deployment is undone that its step was cancelled over.
var errCancelled = errors.New("the step was stopped")

// job is a deployment that this process is at work on.
type job struct {
	done chan struct{} // closed when result and err are there
	// result is how it ended; err is why this process does not know.
	result *core.Deployment
	err    error

	// stop is done when the deployment is to be undone.
	stop   context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	words   []string
	dropped int
	changed chan struct{} // closed at the next word
}

func newJob() *job {
	stop, cancel := context.WithCancelCause(context.Background())
	return &job{done: make(chan struct{}), stop: stop, cancel: cancel, changed: make(chan struct{})}
}

// say tells those who listen, now and later.
func (j *job) say(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.words) == maxWords {
		j.words, j.dropped = j.words[1:], j.dropped+1
	}
	j.words = append(j.words, fmt.Sprintf(format, args...))
	close(j.changed)
	j.changed = make(chan struct{})
}

// from returns the words from the one with that number on, the number of the next, and what
// is closed when there is one.
func (j *job) from(number int) ([]string, int, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := max(number-j.dropped, 0)
	return j.words[at:len(j.words):len(j.words)], j.dropped + len(j.words), j.changed
}

// begin goes to work on a deployment, or joins who is. It is nil when the manager closes.
func (m *Manager) begin(d *core.Deployment) *job {
	m.mu.Lock()
	if there := m.jobs[d.ID]; there != nil {
		m.mu.Unlock()
		return there
	}
	j := newJob()
	m.jobs[d.ID] = j
	m.mu.Unlock()
	end := func() {
		m.mu.Lock()
		delete(m.jobs, d.ID)
		m.mu.Unlock()
		j.cancel(nil)
		close(j.done)
	}
	ok := m.goOn(func() {
		defer end()
		j.result, j.err = m.work(j, d.ID)
	})
	if !ok {
		j.err = errClosing
		end()
	}
	return j
}

// Deploy takes a release live, says how that goes, and returns how the deployment ended: it
// is live, or it is not and Message says why. It is idempotent for the release's ID: called
// again it joins what is at work or returns what came of it. When stop is done the
// deployment is undone, which is waited for. When ctx is done it goes on without anybody
// listening.
func (m *Manager) Deploy(ctx, stop context.Context, r core.Release, say func(string)) (*core.Deployment, error) {
	at := now()
	d := &core.Deployment{ID: r.ID, Service: r.Service, Node: m.options.Node, Kind: core.DeployRelease, State: core.DeploymentPending,
		Release: r, CreatedAt: at, UpdatedAt: at}
	err := m.options.Store.CreateDeployment(ctx, d)
	if core.CodeOf(err) == core.CodeConflict {
		d, err = m.options.Store.Deployment(ctx, r.ID)
	}
	if err != nil {
		return nil, err
	}
	if d.State.Ended() {
		return d, nil
	}
	j := m.begin(d)
	defer context.AfterFunc(stop, func() { j.cancel(errCancelled) })()
	for number := 0; ; {
		words, next, changed := j.from(number)
		for _, word := range words {
			say(word)
		}
		number = next
		select {
		case <-changed:
		case <-j.done:
			words, _, _ := j.from(number)
			for _, word := range words {
				say(word)
			}
			return j.result, j.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// work takes its turn at the service and brings the deployment to its end.
func (m *Manager) work(j *job, id string) (result *core.Deployment, err error) {
	d, err := m.options.Store.Deployment(m.ctx, id)
	if err != nil {
		return nil, err
	}
	waiting, stop := context.WithCancelCause(m.ctx)
	defer stop(nil)
	defer context.AfterFunc(j.stop, func() { stop(errCancelled) })()
	unlock, err := m.lock(waiting, d.Service)
	if err != nil && m.ctx.Err() == nil { // cancelled while another was at work
		if unlock, err = m.lock(m.ctx, d.Service); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	err = errClosing
	m.insist("deploy "+d.Service, func() error {
		if d, err = m.options.Store.Deployment(m.ctx, id); err != nil {
			return err
		}
		err = m.drive(m.ctx, j, d)
		return err
	})
	return d, err
}
