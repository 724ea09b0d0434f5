package main

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// news wakes those who wait for what others write. The zero value is ready.
type news struct {
	mu   sync.Mutex
	next chan struct{}
}

// came says that something was written.
func (n *news) came() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil {
		close(n.next)
		n.next = nil
	}
}

// await returns true once something holds, which is asked again at each piece of news,
// and false when it does not come to hold.
func (n *news) await(holds func() bool) bool {
	timeout := time.After(eventually)
	for {
		n.mu.Lock()
		if n.next == nil {
			n.next = make(chan struct{})
		}
		next := n.next
		n.mu.Unlock()
		if holds() {
			return true
		}
		select {
		case <-next:
		case <-timeout:
			return false
		}
	}
}

// awaitGone waits until a process is dead; a zombie is.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	process, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(process)
	if !readable(t, process, time.Now().Add(eventually)) {
		t.Errorf("process %d is still there", pid)
	}
}

// awaitFile waits until a file has content, which a step of the test writes.
func awaitFile(t *testing.T, path string) string {
	t.Helper()
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, filepath.Dir(path), unix.IN_MODIFY|unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO); err != nil {
		t.Fatalf("watching the folder of %s: %v", path, err)
	}
	events := make([]byte, 64<<10)
	for deadline := time.Now().Add(eventually); ; {
		if content, err := os.ReadFile(path); err == nil && len(content) > 0 {
			return string(content)
		}
		if !readable(t, watch, deadline) {
			t.Fatalf("nothing was written to %s", path)
		}
		_, _ = unix.Read(watch, events) // only that there was something matters
	}
}

// readable waits until there is something to read, or for a pidfd until its process has
// ended, and returns false when that is not so in time.
func readable(t *testing.T, descriptor int, deadline time.Time) bool {
	t.Helper()
	for {
		left := max(time.Until(deadline), 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if err == nil {
			return n > 0
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}
