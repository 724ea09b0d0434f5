package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/filelock"
)

// followPause is how often the words of work in another process are looked for.
const followPause = 100 * time.Millisecond

// performer does the work of each attempt once at a time, and not again when it has
// ended. What the work says goes through a file in the attempt's folder, so that every
// call for the attempt passes on the same bytes, whoever works: also a process that
// takes over from one that was killed. Such a one does the work again from its
// beginning, and its words follow those that are there.
//
// A host that lets go does not stop the work; cancelling does.
type performer struct {
	mu      sync.Mutex
	running map[string]*performance
}

func newPerformer() *performer { return &performer{running: map[string]*performance{}} }

// performance is work under way in this process, or its end.
type performance struct {
	journal *journal
	cancel  context.CancelCauseFunc
	done    chan struct{}
	end     *ending // set when done is closed; nil when the work was stopped
}

// work is what an action does. Its context ends when the step is cancelled, which
// sdk.CancelGrace tells, or destroyed.
type work func(ctx context.Context, out *journal) (sdk.Result, error)

var errDestroyed = errors.New("the attempt was destroyed")

// perform does the work, or joins whoever does it, and returns how it ended.
func (p *performer) perform(ctx context.Context, r sdk.RunRequest, s *sdk.Session, do work) (sdk.Result, error) {
	folder := r.Step.Workspace.AttemptPath
	follower := newFollower(folder, s)
	defer follower.close()
	for {
		run, err := p.join(r.Step.AttemptID, folder, do)
		if err != nil {
			return sdk.Result{}, err
		}
		if run != nil {
			return p.follow(ctx, run, follower)
		}
		// Another process works. Either it ends its work, or it ends.
		if err := follower.pass(); err != nil {
			return sdk.Result{}, err
		}
		select {
		case <-time.After(followPause):
		case <-ctx.Done():
			if _, cancelled := sdk.CancelGrace(ctx); !cancelled {
				return sdk.Result{}, context.Cause(ctx)
			}
			<-time.After(followPause)
		}
	}
}

// join returns the attempt's work in this process, which it begins if need be, or nil
// while another process has it.
func (p *performer) join(id, folder string, do work) (*performance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if run := p.running[id]; run != nil {
		return run, nil
	}
	unlock, taken, err := filelock.Try(filepath.Join(folder, "work.lock"))
	if err != nil {
		return nil, fmt.Errorf("lock the attempt: %w", err)
	}
	if !taken {
		return nil, nil
	}
	run, err := p.begin(id, folder, do, unlock)
	if err != nil {
		unlock()
	}
	return run, err
}

// begin starts the work in a goroutine of its own, unless it has ended before. The
// caller holds p.mu and the attempt's lock.
func (p *performer) begin(id, folder string, do work, unlock func()) (*performance, error) {
	run := &performance{done: make(chan struct{})}
	end, err := readEnding(folder)
	if err != nil {
		return nil, err
	}
	if run.journal, err = openJournal(folder); err != nil {
		return nil, err
	}
	if end != nil {
		run.end, run.cancel = end, func(error) {}
		close(run.done)
		run.journal.close()
		unlock()
		return run, nil
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	run.cancel = cancel
	p.running[id] = run
	go func() {
		result, err := guarded(ctx, run.journal, do)
		if !errors.Is(context.Cause(ctx), errDestroyed) {
			end := newEnding(result, err, run.journal.outputs())
			if saveErr := end.save(folder); saveErr != nil {
				end = newEnding(sdk.Result{}, saveErr, nil)
			}
			run.end = end
		}
		cancel(nil)
		run.journal.close()
		p.mu.Lock()
		delete(p.running, id)
		unlock()
		p.mu.Unlock()
		close(run.done)
	}()
	return run, nil
}

// guarded turns a panic of the work into an error of its attempt.
func guarded(ctx context.Context, out *journal, do work) (result sdk.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = sdk.Errorf(sdk.ClassInternal, "the connector panicked: %v", r)
		}
	}()
	return do(ctx, out)
}

// follow passes on what the work says until it ends or the host lets go.
func (p *performer) follow(ctx context.Context, run *performance, f *follower) (sdk.Result, error) {
	letGo := ctx.Done()
	for {
		grown := run.journal.grown()
		if err := f.pass(); err != nil {
			return sdk.Result{}, err
		}
		f.progress(run.journal)
		select {
		case <-grown:
		case <-run.done:
			if err := f.pass(); err != nil {
				return sdk.Result{}, err
			}
			if run.end == nil {
				return sdk.Result{}, sdk.Errorf(sdk.ClassLost, "the attempt was removed while it was under way")
			}
			return run.end.tell(f.session)
		case <-letGo:
			if _, cancelled := sdk.CancelGrace(ctx); !cancelled {
				return sdk.Result{}, context.Cause(ctx)
			}
			run.cancel(context.Cause(ctx))
			letGo = nil
		}
	}
}

// stop ends an attempt's work in this process, if there is any, and waits for it.
func (p *performer) stop(id string) {
	p.mu.Lock()
	run := p.running[id]
	p.mu.Unlock()
	if run != nil {
		run.cancel(errDestroyed)
		<-run.done
	}
}

// follower passes the attempt's words on to one session.
type follower struct {
	session *sdk.Session
	path    string
	file    *os.File
	buffer  []byte
	said    string // the progress
}

func newFollower(folder string, s *sdk.Session) *follower {
	return &follower{session: s, path: journalPath(folder), buffer: make([]byte, 32<<10)}
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close()
	}
}
