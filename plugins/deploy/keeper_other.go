//go:build !linux

package main

import (
	"context"
	"os"
	"syscall"
	"time"
)

// Without /proc, pidfds and subreapers, an instance's processes are those of its group, and
// the end of a keeper is looked for.

func ownProgram() string {
	name, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return name
}

func restrain() {}

func serviceAttributes(a *account) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setsid: true}
	if a != nil {
		attributes.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	}
	return attributes
}

func children() []int { return nil }

func signalMarked(string, syscall.Signal) bool { return false }

func killMarked(string) {}

type ending struct{ lock string }

func watchEnd(_ int, lock string) (*ending, error) { return &ending{lock}, nil }

// Close has nothing to close.
func (e *ending) Close() error { return nil }

func (e *ending) wait(ctx context.Context) error {
	ticker := time.NewTicker(10 * lockPause)
	defer ticker.Stop()
	for held(e.lock) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (e *ending) within(ctx context.Context, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return e.wait(ctx) == nil
}
