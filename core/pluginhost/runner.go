package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// runner is the operating system's end of a connector's process. It implements
// go-plugin's runner.Runner, which go-plugin's own does not do well enough for
// this host: the process must die with the host, its end must be an event, and
// a descendant that keeps its pipes open must not hide that end.
type runner struct {
	cmd    *exec.Cmd
	name   string
	folder string // of the socket; removed when the process has ended
	stdout *pipe
	stderr *pipe
	tail   *tail

	// patient makes Kill wait for the process to end by itself.
	patient atomic.Bool
	done    chan struct{} // closed when the process has ended and is reaped
	state   *os.ProcessState

	mu      sync.Mutex
	process *os.Process // nil until it is started
	killed  bool
}

// newRunner prepares a process. done is also closed when it cannot be started.
func newRunner(cmd *exec.Cmd, name string, last *tail) *runner {
	return &runner{cmd: cmd, name: name, tail: last, done: make(chan struct{})}
}

// Start implements runner.Runner. The process is started and awaited on one
// thread, because Linux ties its parent's death to the thread that made it.
func (r *runner) Start(context.Context) error {
	var err error
	if r.stdout, err = newPipe(); err != nil {
		close(r.done)
		return err
	}
	if r.stderr, err = newPipe(); err != nil {
		r.stdout.closeAll()
		close(r.done)
		return err
	}
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = nil, r.stdout.write, r.stderr.write
	r.cmd.SysProcAttr = processAttributes()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := r.startRetrying()
		r.stdout.closeWrite()
		r.stderr.closeWrite()
		started <- err
		if err == nil {
			// How it ended is in the state; the error says nothing more.
			_ = r.cmd.Wait()
			r.state = r.cmd.ProcessState
		}
		r.stdout.expire()
		r.stderr.expire()
		if r.folder != "" {
			_ = os.RemoveAll(r.folder)
		}
		close(r.done)
	}()
	return <-started
}

// textBusyWait is how long a file that is still being written is waited for.
const textBusyWait = 2 * time.Second

// startRetrying starts the command, again if its file is open for writing:
// somebody is just copying it there.
func (r *runner) startRetrying() error {
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := r.startOnce()
		if !errors.Is(err, syscall.ETXTBSY) || time.Since(begun) > textBusyWait {
			return err
		}
		// A command cannot be started twice.
		again := exec.Cmd{Path: r.cmd.Path, Args: r.cmd.Args, Env: r.cmd.Env,
			Stdout: r.cmd.Stdout, Stderr: r.cmd.Stderr, SysProcAttr: r.cmd.SysProcAttr}
		*r.cmd = again
	}
}

// startOnce is one try. A kill that came before it is obeyed.
func (r *runner) startOnce() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.killed {
		return errors.New("it was given up before it was started")
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	r.process = r.cmd.Process
	return nil
}

// Wait implements runner.Runner.
func (r *runner) Wait(context.Context) error {
	<-r.done
	return nil
}

// Kill implements runner.Runner: go-plugin calls it after a failed handshake, and
// when its own short wait for a graceful end is over, for which the host has one
// of its own (see process.stop).
func (r *runner) Kill(context.Context) error {
	if !r.patient.Load() {
		r.awaitEnd(endingWait)
		r.kill()
	}
	<-r.done
	return nil
}

// kill ends the process by force, now or as soon as it is started, and does not
// wait for its end. One that has ended is not said to have been killed.
func (r *runner) kill() {
	if r.hasEnded() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killed = true
	if r.process != nil {
		// The only error is that it has ended already.
		_ = r.process.Kill()
	}
}

// terminate asks the process to end: sdk.Serve and whatever keeps to the protocol
// does so on SIGTERM.
func (r *runner) terminate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process != nil {
		// The only error is that it has ended already.
		_ = r.process.Signal(syscall.SIGTERM)
	}
}

// endingWait is how long a process that failed at its launch may take to end by
// itself: how it ends says more than that it was killed.
const endingWait = 100 * time.Millisecond

// awaitEnd waits until the process has ended, or the time is up.
func (r *runner) awaitEnd(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-r.done:
	case <-timer.C:
	}
}

func (r *runner) hasEnded() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// killedByOthers reports whether somebody else ended the process with SIGKILL,
// which no program does to itself by mistake. Call it after done.
func (r *runner) killedByOthers() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.killed || r.state == nil {
		return false
	}
	status, ok := r.state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Diagnose implements runner.Runner; the host makes its own messages.
func (r *runner) Diagnose(context.Context) string { return "" }

// Stdout implements runner.Runner.
func (r *runner) Stdout() io.ReadCloser { return r.stdout }

// Stderr implements runner.Runner.
func (r *runner) Stderr() io.ReadCloser { return r.stderr }

// Name implements runner.Runner. go-plugin calls the process's logger so.
func (r *runner) Name() string { return r.name }

// ID implements runner.Runner.
func (r *runner) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return "none"
	}
	return strconv.Itoa(r.process.Pid)
}

// PluginToHost implements runner.Runner. Only a socket in the folder made for it
// is accepted: other places, and above all TCP, are open to other users.
func (r *runner) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || filepath.Dir(filepath.Clean(address)) != filepath.Clean(r.folder) {
		return "", "", fmt.Errorf("it listens on %s %s; a connector has to listen on a Unix socket in the folder $PLUGIN_UNIX_SOCKET_DIR", network, address)
	}
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (r *runner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// ending says how the process ended, and its last words. Call it after done.
func (r *runner) ending() string {
	switch {
	case r.state == nil:
		return "it was never started"
	case r.state.Exited():
		return fmt.Sprintf("it ended with exit code %d%s", r.state.ExitCode(), r.lastWords())
	default:
		return "it was ended by a signal (" + strings.TrimPrefix(r.state.String(), "signal: ") + ")" + r.lastWords()
	}
}

// lastWords is what the process last wrote to its standard error, for the end of
// a message.
func (r *runner) lastWords() string {
	if text := r.tail.text(); text != "" {
		return "; its last words: " + text
	}
	return ""
}
