package workspace

import (
	"context"
	"sync"
	"time"
)

// What looking at a workspace may cost: after each look there is a pause of share
// times as long, that is 2 % of a core, and between the bounds for one that nobody
// asked for.
const (
	share    = 50
	minPause = 2 * time.Second
	maxPause = time.Minute
)

// Watch sees to it that a workspace keeps to its quota. It is safe for concurrent use.
type Watch struct {
	workspace *Workspace
	quota     Quota
	exceeded  func(Usage)
	ctx       context.Context
	cancel    context.CancelFunc

	mu    sync.Mutex // held while it looks
	timer *time.Timer
	next  time.Time // not before: looking is expensive here
	over  bool
}

// Watch looks at what the workspace takes from time to time, until ctx ends, Stop is
// called, or it is more than the quota allows: then it calls exceeded, once, from the
// goroutine of whoever looked. Without a quota it never looks.
//
// Files can be written faster than they are found: the quota keeps a disk from being
// filled by mistake, and is exceeded by what is written between two looks.
func (w *Workspace) Watch(ctx context.Context, quota Quota, exceeded func(Usage)) *Watch {
	watch := &Watch{workspace: w, quota: quota, exceeded: exceeded, over: quota == Quota{}}
	watch.ctx, watch.cancel = context.WithCancel(ctx)
	if !watch.over {
		watch.timer = time.AfterFunc(minPause, watch.Look)
	}
	return watch
}

// Look looks now, and returns when that is done, and exceeded has returned if it had
// to be called. When looks take long and the last one was just now, it leaves it at
// that.
func (w *Watch) Look() {
	if usage, exceeded := w.look(); exceeded {
		w.exceeded(usage)
	}
}

func (w *Watch) look() (usage Usage, exceeded bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	began := time.Now()
	if w.over || w.ctx.Err() != nil || began.Before(w.next) {
		return usage, false
	}
	// A count up to twice the quota tells how far beyond it is, and has an end.
	usage, err := w.workspace.usage(w.ctx, 2*w.quota.Files)
	if w.ctx.Err() != nil {
		return usage, false
	}
	if err == nil && w.quota.Exceeded(usage) {
		w.over = true
		return usage, true
	}
	pause := share * time.Since(began)
	w.next = time.Now().Add(min(pause, maxPause))
	w.timer.Reset(min(max(pause, minPause), maxPause))
	return usage, false
}

// Stop ends the watching. When it returns, nothing is being looked at any more. It may
// be called again, and on nil.
func (w *Watch) Stop() {
	if w == nil {
		return
	}
	w.cancel() // also ends a look
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.timer != nil {
		w.timer.Stop()
	}
}
