//go:build !linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// spawn starts a shell in a session of its own; ended waits for its end.
func spawn(line command, directory string, environment []string, stdout, stderr *os.File) (pid int, ended func() (syscall.WaitStatus, error), err error) {
	cmd := &exec.Cmd{Path: line.path, Args: line.argv, Dir: directory, Env: environment,
		Stdout: stdout, Stderr: stderr, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	return cmd.Process.Pid, func() (syscall.WaitStatus, error) {
		err := cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return 0, err
		}
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		return status, nil
	}, nil
}
