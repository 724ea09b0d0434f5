package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// beginLaunch joins the launch that is going on or begins one. The caller holds
// mu and has seen that the host is not closed.
func (h *Host) beginLaunch(s *slot, file *binary) *launch {
	if s.launching != nil {
		return s.launching
	}
	l := &launch{file: file, done: make(chan struct{})}
	s.launching = l
	delay, err := s.crashes.admit(s.name, file.identity, time.Now(), h.limits)
	h.background(func() {
		var p *process
		if err == nil {
			p, err = h.launch(s.name, file, delay)
		}
		h.endLaunch(s, l, file, p, err)
	})
	return l
}

// launch brings up a process and learns what it is.
func (h *Host) launch(name string, file *binary, delay time.Duration) (*process, error) {
	if delay > 0 {
		h.log.Warn("waiting before launching a connector that crashed", "connector", name, "delay", delay)
		select {
		case <-time.After(delay):
		case <-h.stopping.Done():
			return nil, errClosed
		}
	}
	sha, err := h.cache.sha256(file)
	if err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	if err := h.pinned.check(name, sha); err != nil {
		return nil, err
	}
	folder, err := h.runDir.path()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		p, err := startProcess(h.stopping, name, file, processOptions{
			socketFolder: folder, environment: h.environment, log: h.log, timeout: h.options.StartTimeout,
			meanwhile: func() {
				sdk.PrepareProtocol()
				h.runDir.sweep()
			}})
		if err == nil {
			if err = h.identify(p, sha); err == nil {
				return p, nil
			}
			err = p.abandon(func() error { return err })
		}
		var killed *killedError
		if !errors.As(err, &killed) || try == launchTries {
			return nil, err
		}
		h.log.Warn("a connector was killed while it was being launched; once more", "connector", name, "try", try)
	}
}

// launchTries is how often a launch is tried that others kill.
const launchTries = 5

// identify fills in what the process is: from the cache, or by asking it. It also
// makes sure that what was launched is what was hashed.
func (h *Host) identify(p *process, sha string) error {
	if p.file.replaced() {
		return errors.New("its file was replaced while it was being launched; try again")
	}
	p.sha = sha
	if info, ok := h.cache.description(sha, p.name); ok {
		p.info = info
		return nil
	}
	ctx, cancel := context.WithTimeout(h.stopping, h.options.StartTimeout)
	defer cancel()
	info, err := p.client.Describe(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it did not answer Describe within %s", h.options.StartTimeout)
	}
	if err != nil {
		return fmt.Errorf("its Describe failed: %w%s", err, p.runner.lastWords())
	}
	if err := checkInfo(info, p.name); err != nil {
		return err
	}
	if err := h.cache.storeDescription(sha, info); err != nil {
		h.log.Warn("cannot keep a connector's description", "connector", p.name, "error", err)
	}
	p.info = info
	return nil
}

// checkInfo refuses descriptions that the rest of the system could not live with.
func checkInfo(info sdk.Info, name string) error {
	switch {
	case info.Name != name:
		return fmt.Errorf("it says that its name is %q: rename the file to %s%s, or correct the connector", info.Name, Prefix, info.Name)
	case info.ProtocolVersion != sdk.ProtocolVersion:
		return fmt.Errorf("it speaks version %d of the connector protocol and this Patchbay version %d: get a build of it for this one",
			info.ProtocolVersion, sdk.ProtocolVersion)
	case len(info.Actions) == 0:
		return errors.New("it has no actions; a connector has at least one")
	}
	return nil
}

// endLaunch tells everybody how a launch went.
func (h *Host) endLaunch(s *slot, l *launch, file *binary, p *process, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer close(l.done)
	s.launching = nil
	if p != nil {
		h.adopt(s, p)
		return
	}
	var refused *refusal
	switch {
	case h.closed:
		l.err = sdk.Errorf(sdk.ClassInternal, "connector %s: %w", s.name, errClosed)
	case errors.As(err, &refused):
		l.err = refused.why
	default:
		s.tally.failures++
		s.broken = &breakage{identity: file.identity, reason: err.Error(), at: time.Now()}
		s.crashes.add(file.identity, time.Now(), err.Error())
		l.err = unusable(file, err)
		h.log.Error("a connector cannot be launched", "connector", s.name, "path", file.path, "error", err)
	}
}

// refusal is the error of a launch that was not tried: by quarantine or by the
// lock file. It says nothing about the binary.
type refusal struct{ why *sdk.Error }

func (r *refusal) Error() string { return r.why.Message }

func (r *refusal) Unwrap() error { return r.why }

// unusable is what users of a connector that cannot be launched are told.
func unusable(file *binary, err error) *sdk.Error {
	return &sdk.Error{Class: sdk.ClassInternal, Err: err,
		Message:    fmt.Sprintf("connector %s cannot be launched: %s", file.name, err),
		Suggestion: "its file is " + file.path + "; `patchbay plugin list` shows how it stands"}
}

// adopt makes a process the slot's own and begins to watch it.
func (h *Host) adopt(s *slot, p *process) {
	h.live[p] = struct{}{}
	s.tally.launches++
	h.background(func() { h.reap(p) })
	s.broken = nil
	s.described = &description{identity: p.file.identity, sha: p.sha, info: p.info}
	p.idle = time.AfterFunc(h.idleTimeout(p), func() { h.whenIdle(p) })
	if h.closed {
		h.retire(p)
		return
	}
	s.current = p
}

// reap waits for a process to end, however that happens.
func (h *Host) reap(p *process) {
	<-p.runner.done
	h.mu.Lock()
	h.crashed(p)
	p.retired = true
	p.idle.Stop()
	s := h.slot(p.name)
	if s.current == p {
		s.current = nil
	}
	crash := p.crash
	if crash != nil {
		crash.killed = p.runner.killedByOthers()
	}
	delete(h.live, p)
	h.mu.Unlock()
	p.stop(0) // after it, all of the process's last words have been read
	if crash != nil {
		how := p.runner.ending()
		h.mu.Lock()
		s.crashes.last = how
		h.mu.Unlock()
		h.log.Error("a connector crashed", "connector", p.name, "pid", p.runner.ID(), "reason", how)
	}
}

// crashed notes that a process ended without being asked to, once. The caller
// holds mu.
func (h *Host) crashed(p *process) {
	if p.stopping || p.retired || p.crash != nil || h.closed {
		return
	}
	h.slot(p.name).tally.crashes++
	p.crash = h.slot(p.name).crashes.add(p.file.identity, time.Now(), "it stopped answering")
}
