package main

import (
	"context"
	"fmt"
	"time"
)

// lockPause is how often a lock that another has is looked at.
const lockPause = 20 * time.Millisecond

// lockFile takes a file's lock, waiting for whoever has it, in this process or in
// another: during an upgrade there are two. It ends with its process, however that
// ends.
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
