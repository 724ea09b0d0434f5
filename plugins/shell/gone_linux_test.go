package main

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// waitGone returns when a process is dead; a zombie is.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	process, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(process)
	for {
		ended, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, 10_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || ended == 0 {
			t.Errorf("process %d is still running: %v", pid, err)
		}
		return
	}
}
