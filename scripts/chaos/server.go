//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// adminToken lets this program into the servers that it starts.
const adminToken = "chaos-administrator-token"

// startLimit is how long a server may take to say where it serves.
const startLimit = 30 * time.Second

// server is one process of `patchbay server`.
type server struct {
	command *exec.Cmd
	ready   chan struct{} // closed when url is there, or with err
	url     string
	err     error         // why it never served
	exited  chan struct{} // closed when the process is gone
}

// start starts a server and does not wait for it.
func (s *stand) start(flags ...string) (*server, error) {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := append([]string{"server", "--listen", "127.0.0.1:0", "--data", s.data, "--log-level", "warn"}, flags...)
	v := &server{command: exec.Command(filepath.Join(s.root, "bin", "patchbay"), args...),
		ready: make(chan struct{}), exited: make(chan struct{})}
	v.command.Env, v.command.Dir, v.command.Stderr = s.environment(), s.root, log
	// It must not outlive this program, however that ends.
	v.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.user != 0 {
		v.command.SysProcAttr.Credential = &syscall.Credential{Uid: s.user, Gid: s.user}
	}
	stdout, err := v.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := v.command.Start(); err != nil {
		return nil, err
	}
	go v.attend(stdout)
	return v, nil
}

// attend reads the server's greeting and waits for its end.
func (v *server) attend(stdout io.Reader) {
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	if at := strings.Index(line, "http://"); err == nil && at >= 0 {
		v.url = strings.TrimSpace(line[at:])
	} else {
		v.err = fmt.Errorf("the server did not say where it serves: %q", line)
	}
	close(v.ready)
	_, _ = io.Copy(io.Discard, lines)
	_ = v.command.Wait() // how it ended is in its state
	close(v.exited)
}

// await waits until the server serves.
func (v *server) await(ctx context.Context) error {
	select {
	case <-v.ready:
		return v.err
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(startLimit):
		return fmt.Errorf("the server did not serve within %s", startLimit)
	}
}

// startAndAwait starts a server and waits until it serves.
func (s *stand) startAndAwait(ctx context.Context, flags ...string) (*server, error) {
	v, err := s.start(flags...)
	if err != nil {
		return nil, err
	}
	if err := v.await(ctx); err != nil {
		return nil, errors.Join(err, v.end(syscall.SIGKILL))
	}
	return v, nil
}

func (v *server) pid() int { return v.command.Process.Pid }

// gone reports whether the process has ended.
func (v *server) gone() bool {
	select {
	case <-v.exited:
		return true
	default:
		return false
	}
}

// end sends a signal and waits for the end of the process.
func (v *server) end(signal syscall.Signal) error {
	_ = v.command.Process.Signal(signal) // the only error is that it has ended
	select {
	case <-v.exited:
		return nil
	case <-time.After(time.Minute):
		_ = v.command.Process.Kill()
		<-v.exited
		return fmt.Errorf("the server did not end within a minute of %s", signal)
	}
}
