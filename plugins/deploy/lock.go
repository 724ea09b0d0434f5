package main

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lockPause is how often a lock, or the end of a process, is looked at again.
const lockPause = 5 * time.Millisecond

// held reports whether somebody has the lock of a file.
func held(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	return errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
