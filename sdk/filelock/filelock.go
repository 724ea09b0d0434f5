// Package filelock is a lock among processes that ends with whoever holds it, however
// that ends: for connectors whose work for an attempt may be wanted of two processes at
// once, as it is while a connector is upgraded. It is flock(2); the file stays.
package filelock

import (
	"context"
	"fmt"
	"time"
)

// pause is how often a lock that another has is looked at: flock cannot be waited for
// and given up.
const pause = 10 * time.Millisecond

// Take takes the lock of a file, which it makes if need be, and waits for whoever has it,
// in this process or in another. When ctx is done first, it returns the cause.
func Take(ctx context.Context, path string) (release func(), err error) {
	for {
		release, taken, err := Try(path)
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if taken {
			return release, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
