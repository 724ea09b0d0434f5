package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// slot is what the host knows about one name. Its fields are guarded by Host.mu.
type slot struct {
	name string
	// current takes new users; nil when none is up.
	current *process
	// launching is the launch that is going on, or nil.
	launching *launch
	crashes   crashes
	// described is the last good description, broken the last bad outcome. Each
	// counts for the file it was made from only.
	described *description
	broken    *breakage
	tally     tally
}

// launch is one attempt to bring a connector up, shared by all who wait for it.
type launch struct {
	file *binary
	done chan struct{}
	err  error // set before done is closed
}

// Use calls do with a live connector, which it launches if need be, and keeps it
// alive until do returns. It returns do's error unchanged, but for one case.
//
// An sdk.ErrGone from do means that the process died, or does not keep to the
// protocol: the next Use gets another one. When somebody else has killed it, the
// error is a core.ErrConnectorKilled, too. When none can be had, the error is an
// *sdk.Error. A caller whose ctx ends gets its cause; a launch under way goes on
// for the others.
func (h *Host) Use(ctx context.Context, name string, do func(client *sdk.Client, info sdk.Info) error) error {
	p, err := h.acquire(ctx, name, true)
	if err != nil {
		return err
	}
	err = h.useOnce(p, do)
	if errors.Is(err, sdk.ErrGone) {
		p.runner.awaitEnd(2 * h.limits.wedged)
		if p.runner.hasEnded() && p.runner.killedByOthers() {
			err = fmt.Errorf("%w: %w", err, core.ErrConnectorKilled)
		}
	}
	return err
}

// useOnce calls do and gives the process back, also when do panics.
func (h *Host) useOnce(p *process, do func(client *sdk.Client, info sdk.Info) error) (err error) {
	gone := false
	defer func() { h.release(p, gone) }()
	err = do(p.client, p.info)
	gone = errors.Is(err, sdk.ErrGone)
	return err
}

// Warm begins to launch a connector that will be needed soon. Errors show at Use.
func (h *Host) Warm(name string) {
	file, err := h.find(name)
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.slot(name); !h.closed && h.ready(s, file) == nil {
		h.beginLaunch(s, file)
	}
}

// acquire returns a live process with one more user. A process that is never used
// for work (but to be described) has a short idle time.
func (h *Host) acquire(ctx context.Context, name string, work bool) (*process, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		file, findErr := h.find(name)
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return nil, sdk.Errorf(sdk.ClassInternal, "connector %s: %w", name, errClosed)
		}
		s := h.slot(name)
		if p := h.usable(s, file, findErr); p != nil {
			p.users++
			p.used = p.used || work
			p.idle.Stop()
			h.mu.Unlock()
			return p, nil
		}
		if findErr != nil {
			h.mu.Unlock()
			return nil, findErr
		}
		if err := file.problem(); err != nil {
			h.mu.Unlock()
			return nil, unusable(file, err)
		}
		l := h.beginLaunch(s, file)
		h.mu.Unlock()
		select {
		case <-l.done:
			if l.err != nil && !l.file.replaced() {
				return nil, l.err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// usable returns the slot's process if a new user may have it. While a binary is
// being replaced there is a moment without one: the process that is up serves on.
func (h *Host) usable(s *slot, file *binary, findErr error) *process {
	if findErr != nil || file.problem() != nil {
		return s.current
	}
	return h.ready(s, file)
}

// ready returns the slot's process if it was launched from this very file, and
// retires it if it was not.
func (h *Host) ready(s *slot, file *binary) *process {
	p := s.current
	if p == nil || p.file.identity == file.identity {
		return p
	}
	h.log.Info("the connector's binary was replaced; a new process takes over", "connector", s.name, "path", file.path)
	s.current = nil
	h.retire(p)
	return nil
}

// release gives a process back. gone says that the user found it dead.
func (h *Host) release(p *process, gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.users--
	switch {
	case gone && !p.retired:
		h.crashed(p)
		h.retire(p)
		// It may be alive and wedged. One that is ending is let end: how it does tells
		// whose fault it was.
		time.AfterFunc(h.limits.wedged, p.runner.kill)
	case p.retired && p.users == 0:
		h.beginStop(p)
	case p.users == 0:
		p.idle.Reset(h.idleTimeout(p))
	}
}

func (h *Host) idleTimeout(p *process) time.Duration {
	if p.used {
		return h.options.IdleTimeout
	}
	return min(h.options.IdleTimeout, h.limits.unusedTimeout)
}

// retire keeps new users away from a process and stops it when its last user is
// done. The caller holds mu.
func (h *Host) retire(p *process) {
	p.retired = true
	p.idle.Stop()
	if s := h.slot(p.name); s.current == p {
		s.current = nil
	}
	if p.users == 0 {
		h.beginStop(p)
	}
}

// beginStop stops a process in the background, once. The caller holds mu.
func (h *Host) beginStop(p *process) {
	if p.stopping {
		return
	}
	p.stopping = true
	inUse := p.users > 0
	h.background(func() { p.stop(h.limits.stopGrace(inUse)) })
}

// whenIdle is what a process's idle timer does.
func (h *Host) whenIdle(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.users == 0 && !p.retired && !h.closed {
		h.log.Debug("stopping an idle connector", "connector", p.name)
		h.retire(p)
	}
}

// slot returns the slot of a name. The caller holds mu.
func (h *Host) slot(name string) *slot {
	s := h.slots[name]
	if s == nil {
		s = &slot{name: name}
		h.slots[name] = s
	}
	return s
}
