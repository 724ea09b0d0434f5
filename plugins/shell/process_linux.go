package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of every descendant that loses its
// own, so that none can hide from DestroyStep.
func adoptOrphans() {
	// A kernel that refuses leaves the group, which is killed anyway.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// waitForExit returns when the process is gone or is not of the attempt.
func waitForExit(pid int, id string) {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		for marked(pid, map[string]bool{id: true}) {
			time.Sleep(killPause)
		}
		return
	}
	defer unix.Close(handle)
	// Asked after opening the handle: now it cannot be another process's.
	if !marked(pid, map[string]bool{id: true}) {
		return
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return
		}
	}
}

// groupAlive reports whether a process group has a member that runs. The dead that
// nobody has collected are members, too, so asking the kernel is not enough.
func groupAlive(leader int) bool {
	if syscall.Kill(-leader, 0) != nil {
		return false
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return true
	}
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// See proc_pid_stat(5): after the name in parentheses come state, parent, group.
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(leader) && fields[0] != "Z" {
			return true
		}
	}
	return false
}

// marked reports whether a process carries the mark of one of the attempts in the
// environment it was started with.
func marked(pid int, ids map[string]bool) bool {
	environment, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	_, after, found := bytes.Cut(environment, []byte(attemptEnv+"="))
	if !found {
		return false
	}
	id, _, _ := bytes.Cut(after, []byte{0})
	return ids[string(id)]
}

func sessionOf(pid int) int {
	session, err := unix.Getsid(pid)
	if err != nil {
		return -1
	}
	return session
}

// reapOrphans collects the dead among those children of this process that are
// wanted, and returns the living ones. A shell that this process started must not
// be wanted: its end is waited for elsewhere.
func reapOrphans(wanted func(pid int) bool) []int {
	var alive []int
	for _, pid := range children() {
		if !wanted(pid) {
			continue
		}
		reaped, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		if err == nil && reaped == 0 {
			alive = append(alive, pid)
		}
	}
	return alive
}

// threads is where a process finds its own threads, each with a list of the children
// that are its (see proc_tid_children(5)).
const threads = "/proc/self/task"

// children lists the children of all threads of this process. It opens the lists by
// name: looking into the threads' folders for them, as a glob does, takes the kernel
// fifty times as long.
func children() []int {
	entries, err := os.ReadDir(threads)
	if err != nil {
		return nil
	}
	var pids []int
	for _, thread := range entries {
		data, err := os.ReadFile(filepath.Join(threads, thread.Name(), "children"))
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

// killMarked ends every process on the machine that carries an attempt's mark: the
// way to find what was started by an earlier process of this connector. It reports
// whether there was any.
func killMarked(ids map[string]bool) (found bool) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && marked(pid, ids) {
			found = true
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return found
}
