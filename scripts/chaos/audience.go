//go:build linux

package main

import (
	"context"
	"strings"
	"sync"
	"time"
)

// Every followEach-th execution has a client that follows it from its beginning, at
// most maxFollowers at once.
const (
	followEach   = 4
	maxFollowers = 64
)

// audience follows some of the executions while the server is tormented.
type audience struct {
	promise *promise
	stop    context.CancelFunc
	places  chan struct{}
	group   sync.WaitGroup

	mu    sync.Mutex
	count int
	heard []followed
}

// newAudience makes traffic tell it of what is accepted.
func newAudience(ctx context.Context, c *client, r *report, t *traffic) *audience {
	ctx, stop := context.WithCancel(ctx)
	a := &audience{stop: stop, places: make(chan struct{}, maxFollowers),
		promise: r.promise("who follows and connects again misses and repeats nothing")}
	t.accepted = func(id string) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.count++; a.count%followEach != 1 {
			return
		}
		select {
		case a.places <- struct{}{}:
		default:
			return
		}
		a.group.Go(func() {
			f := c.follow(ctx, id, "slow")
			<-a.places
			a.mu.Lock()
			defer a.mu.Unlock()
			a.heard = append(a.heard, f)
		})
	}
	return a
}

// judge waits for the followers' ends and compares what they heard of the step.
func (a *audience) judge(limit time.Duration, of act) {
	timer := time.AfterFunc(limit, a.stop)
	a.group.Wait()
	timer.Stop()
	a.stop()
	for _, f := range a.heard {
		switch {
		case f.wrong != "":
			a.promise.check(f.execution + ": " + f.wrong)
		case f.ended == "":
			a.promise.check(f.execution + ": the end was never told")
		default:
			a.promise.check(difference(f.execution, f.text, strings.ReplaceAll(of.stdout, "%E", f.execution)))
		}
	}
}
