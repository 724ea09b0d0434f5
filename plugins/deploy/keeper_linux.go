package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownProgram is what this process runs, also when its file has been replaced.
func ownProgram() string { return "/proc/self/exe" }

// restrain keeps a service from gaining rights by a setuid program, and makes the keeper the
// parent of whatever the service leaves.
func restrain() {
	// A kernel that refuses leaves the service with the rights of its user, and the marks.
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// serviceAttributes are those of the service's process; it ends with its keeper.
func serviceAttributes(a *account) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if a != nil {
		attributes.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	}
	return attributes
}

// children lists the children of all threads of this process; see proc_tid_children(5).
func children() []int {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return nil
	}
	var pids []int
	for _, name := range lists {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// signalMarked signals every process that was started with the mark of an instance, and
// reports whether there was any.
func signalMarked(id string, signal syscall.Signal) (found bool) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	mark := []byte(instanceEnv + "=" + id + "\x00")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		environment, err := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if err != nil || !bytes.HasPrefix(environment, mark) && !bytes.Contains(environment, append([]byte{0}, mark...)) {
			continue
		}
		found = true
		_ = syscall.Kill(pid, signal)
	}
	return found
}

// killMarked leaves no process of an instance whose keeper is gone.
func killMarked(id string) {
	for signalMarked(id, syscall.SIGKILL) {
		time.Sleep(lockPause) // a kill takes its time
	}
}

// ending tells when a keeper ends, by a pidfd; see pidfd_open(2).
type ending struct{ file *os.File }

// watchEnd watches the keeper that holds a lock; nil when it has ended already.
func watchEnd(pid int, lock string) (*ending, error) {
	handle, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err == unix.ESRCH {
		return nil, nil
	}
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	e := &ending{os.NewFile(uintptr(handle), "pidfd")}
	if !held(lock) { // asked after opening: now it cannot be another process's number
		return nil, e.Close()
	}
	return e, nil
}

// Close stops watching.
func (e *ending) Close() error {
	if e == nil {
		return nil
	}
	return e.file.Close()
}

// wait returns nil when the keeper has ended, or what ctx has ended of.
func (e *ending) wait(ctx context.Context) error {
	if e == nil {
		return nil
	}
	connection, err := e.file.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = e.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err = connection.Read(func(handle uintptr) bool {
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, 0)
			if err != unix.EINTR {
				return n > 0 && err == nil
			}
		}
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// within reports whether the keeper ends before the time is up.
func (e *ending) within(ctx context.Context, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := e.wait(ctx)
	if e != nil {
		_ = e.file.SetReadDeadline(time.Time{})
	}
	return err == nil
}
