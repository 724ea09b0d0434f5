package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// lockPause is how often another process's lock is looked at.
const lockPause = 10 * time.Millisecond

// lockName is the file in an attempt's folder by which processes take turns. It is
// there from the attempt's first RunStep on.
const lockName = "docker.lock"

// attemptLocks lets one caller at a time begin an attempt: to see that a container
// was created but not started, and to start it, are two requests to the Engine,
// and in between it might be started, and end, by somebody else.
type attemptLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed on release
}

func newAttemptLocks() *attemptLocks { return &attemptLocks{held: map[string]chan struct{}{}} }

// take waits for the attempt's lock, in this process and, by a file in the
// attempt's folder, among processes: during an upgrade there are two. The file's
// lock ends with its process, however that ends.
func (l *attemptLocks) take(ctx context.Context, step sdk.Step) (release func(), err error) {
	if err := l.enter(ctx, step.AttemptID); err != nil {
		return nil, err
	}
	if step.Workspace.AttemptPath == "" {
		return func() { l.leave(step.AttemptID) }, nil
	}
	unlock, err := lockFile(ctx, filepath.Join(step.Workspace.AttemptPath, lockName))
	if err != nil {
		l.leave(step.AttemptID)
		return nil, err
	}
	return func() { unlock(); l.leave(step.AttemptID) }, nil
}

func (l *attemptLocks) enter(ctx context.Context, id string) error {
	for {
		l.mu.Lock()
		released, taken := l.held[id]
		if !taken {
			l.held[id] = make(chan struct{})
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		select {
		case <-released:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tryEnter takes the attempt's lock within this process, unless somebody has it:
// then it returns nil.
func (l *attemptLocks) tryEnter(id string) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[id] != nil {
		return nil
	}
	l.held[id] = make(chan struct{})
	return func() { l.leave(id) }
}

func (l *attemptLocks) leave(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held[id])
	delete(l.held, id)
}

// lockFile takes a file's lock, waiting for whoever has it.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	for {
		unlock, taken, err := tryLockFile(path)
		if err != nil {
			return nil, fmt.Errorf("lock the attempt: %w", err)
		}
		if taken {
			return unlock, nil
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
