package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/patchbay-ci/patchbay/sdk"
)

// process is the shell of one attempt as this process sees it.
type process struct {
	attempt *attempt
	pid     int
	// joined: started by another process than this one.
	joined bool

	done chan struct{} // closed when the shell has ended
	end  ending        // valid after done
	lost bool          // valid after done: it ended and nobody knows how
	// unbegun, valid after done: it ended before it made its claim, and nobody else
	// has made one. Nothing of the step has happened.
	unbegun bool
}

// result is how the shell ended; call it after done.
func (p *process) result() (sdk.Result, error) {
	switch {
	case p.unbegun:
		return sdk.Result{}, errUnbegun
	case p.lost:
		return sdk.Result{}, &sdk.Error{Class: sdk.ClassLost,
			Message:    "the step's shell is gone and left no exit code: it was killed while nobody watched it, or the machine restarted",
			Suggestion: "retry the step; retry_count does so by itself"}
	case p.end.signal != "":
		return sdk.Signalled(p.end.signal), nil
	default:
		return sdk.Exited(p.end.code), nil
	}
}

func signalGroup(leader int, signal syscall.Signal) {
	// ESRCH means that the group is empty: that is what was wanted.
	_ = syscall.Kill(-leader, signal)
}

// processTable knows the attempts that this process has started or joined.
type processTable struct {
	mu   sync.Mutex
	byID map[string]*process
}

func newProcessTable() *processTable {
	adoptOrphans()
	return &processTable{byID: map[string]*process{}}
}

// startOrJoin returns the attempt's shell: the one this process already knows, the
// one that another process has started, or a new one. Whoever comes first, only
// one shell gets past its claim (see commandLine).
func (t *processTable) startOrJoin(a *attempt, r sdk.Request[config]) (*process, error) {
	if a.dir == "" {
		return nil, errNoAttemptPath
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, known := t.byID[a.id]; known {
		return p, nil
	}
	pid, err := a.pid()
	if err != nil {
		return nil, err
	}
	var p *process
	if pid > 0 {
		p = join(a, pid)
	} else if p, err = start(a, r); err != nil {
		return nil, err
	}
	t.byID[a.id] = p
	return p, nil
}

func start(a *attempt, r sdk.Request[config]) (*process, error) {
	directory, err := workingDirectory(r.Step.Workspace.Path, r.Config.WorkingDirectory)
	if err != nil {
		return nil, err
	}
	line, err := commandLine(a, r.Config)
	if err != nil {
		return nil, err
	}
	stdout, err := openOutput(a.stdoutFile())
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	stderr, err := openOutput(a.stderrFile())
	if err != nil {
		return nil, err
	}
	defer stderr.Close()

	pid, ended, err := spawn(line, directory, stepEnvironment(r), stdout, stderr)
	if err != nil {
		return nil, fmt.Errorf("start the shell: %w", err)
	}
	p := &process{attempt: a, pid: pid, done: make(chan struct{})}
	go p.wait(ended)
	return p, nil
}

// openOutput opens for appending: a shell that loses its claim harms nothing.
func openOutput(path string) (*os.File, error) {
	file, err := openPlain(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY)
	if err != nil {
		return nil, fmt.Errorf("open the output file: %w", err)
	}
	return file, nil
}

// wait learns how a child of this process ended.
func (p *process) wait(ended func() (syscall.WaitStatus, error)) {
	defer close(p.done)
	status, err := ended()
	if err != nil {
		p.lost = true
		return
	}
	p.end = ending{code: status.ExitStatus()}
	if status.Signaled() {
		p.end = ending{signal: unix.SignalName(status.Signal())}
	}
	owner, err := p.attempt.pid()
	switch {
	case err != nil:
		p.lost = true
	case owner == p.pid:
		if p.end.signal != "" {
			// Best effort: without it, only a later join would not know the signal.
			_ = p.attempt.recordSignal(p.end.signal)
		}
	case p.end.signal != "" || p.end.code == claimFailed:
		p.yield()
	}
}

// join follows a shell that is not a child of this process.
func join(a *attempt, pid int) *process {
	p := &process{attempt: a, pid: pid, joined: true, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		waitForExit(pid, a.id)
		end, ok := a.recordedEnding()
		p.end, p.lost = end, !ok
	}()
	return p
}
