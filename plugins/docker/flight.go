package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

const (
	// stopPause is how often a process that works looks whether another one was asked
	// to stop the work.
	stopPause = 200 * time.Millisecond
	// followPause is how often the output of another process is looked at.
	followPause = 100 * time.Millisecond
)

// errStopped is the cause of a context of work that is to stop.
var errStopped = errors.New("the step was cancelled")

// work is done in this process, for an attempt: it says what it does to w, and returns
// nil only when ctx is done.
type work func(ctx context.Context, w *writing, again bool) *ending

// flights are the works that go on in this process, whoever watches. When the process
// dies, they die: the Engine breaks off a build whose client has gone. Then whoever
// joins the attempt does the work again, which is right for a build and for a push, and
// is quick, since the Engine has the finished layers.
type flights struct {
	mu        sync.Mutex
	byAttempt map[string]*workFlight
}

func newFlights() *flights { return &flights{byAttempt: map[string]*workFlight{}} }

// workFlight is one attempt's work, or the wait for another process that does it.
type workFlight struct {
	*writing
	stopOnce sync.Once
	stopping chan struct{}
	done     chan struct{}
	err      error // set before done is closed: why there is no end
}

// join returns the attempt's flight; it begins one if there is none.
func (f *flights) join(step sdk.Step, do work) *workFlight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flight := f.byAttempt[step.AttemptID]; flight != nil {
		return flight
	}
	flight := &workFlight{stopping: make(chan struct{}), done: make(chan struct{}),
		writing: &writing{journal: journal{step.Workspace.AttemptPath}, percent: -1, changed: make(chan struct{})}}
	f.byAttempt[step.AttemptID] = flight
	go func() {
		defer close(flight.done)
		flight.err = flight.run(do)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.byAttempt, step.AttemptID)
	}()
	return flight
}

// find returns the attempt's flight, or nil.
func (f *flights) find(attemptID string) *workFlight {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byAttempt[attemptID]
}

// run does the work, unless another process does or did.
func (f *workFlight) run(do work) error {
	unlock, err := lockFile(context.Background(), f.path(journalLock))
	if err != nil {
		return err
	}
	defer unlock()
	if end, err := f.end(); end != nil || err != nil {
		return err
	}
	again, err := f.open()
	if err != nil {
		return err
	}
	defer f.shut()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go f.heed(ctx, cancel)
	if f.has(journalStop) {
		cancel(errStopped)
	}
	var end *ending
	if ctx.Err() == nil {
		end = do(ctx, f.writing, again)
	}
	if end == nil {
		result := sdk.Cancelled()
		end = &ending{Result: &result}
	}
	return f.close(end)
}

// heed cancels the work when it is to stop.
func (f *workFlight) heed(ctx context.Context, cancel context.CancelCauseFunc) {
	look := time.NewTicker(stopPause)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.stopping:
			cancel(errStopped)
			return
		case <-look.C:
			if f.has(journalStop) {
				cancel(errStopped)
				return
			}
		}
	}
}

// halt has the work stopped, in whatever process it is done.
func (f *workFlight) halt() error {
	err := f.stop()
	f.stopOnce.Do(func() { close(f.stopping) })
	return err
}

// follow passes on the work's output from where the host has it, to its end. When ctx
// is cancelled it stops the work; when ctx is detached it just leaves.
func (f *workFlight) follow(ctx context.Context, s *sdk.Session) (sdk.Result, error) {
	var output *os.File
	defer func() {
		if output != nil {
			output.Close()
		}
	}()
	told, stopping := "", ctx.Done()
	for {
		message, percent, changed := f.now()
		finished := false
		select {
		case <-f.done:
			finished = true
		default:
		}
		end, err := f.end()
		if err != nil {
			return sdk.Result{}, err
		}
		if output, err = passOn(output, f.path(journalOutput), s); err != nil {
			return sdk.Result{}, err
		}
		switch {
		case end != nil:
			return end.report(s)
		case finished && f.err != nil:
			return sdk.Result{}, fmt.Errorf("keep the account of the build: %w", f.err)
		case finished:
			return sdk.Result{}, lostBuild()
		}
		if message != told {
			if err := s.Progress(message, percent); err != nil {
				return sdk.Result{}, err
			}
			told = message
		}
		select {
		case <-changed:
		case <-f.done:
		case <-time.After(followPause):
		case <-stopping:
			if _, cancelled := sdk.CancelGrace(ctx); !cancelled {
				return sdk.Result{}, context.Cause(ctx)
			}
			if err := f.halt(); err != nil {
				return sdk.Result{}, fmt.Errorf("stop the build: %w", err)
			}
			stopping = nil
		}
	}
}

// passOn hands the host what it does not have of the output so far; the errors are the
// host's, but for those of the file.
func passOn(output *os.File, path string, s *sdk.Session) (*os.File, error) {
	if output == nil {
		file, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("open the build's output: %w", err)
		}
		if _, err := file.Seek(s.Stdout().SkipStored(), io.SeekStart); err != nil {
			file.Close()
			return nil, fmt.Errorf("read the build's output: %w", err)
		}
		output = file
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := output.Read(buffer)
		if n > 0 {
			if _, err := s.Stdout().Write(buffer[:n]); err != nil {
				return output, err
			}
		}
		if errors.Is(err, io.EOF) {
			return output, nil
		}
		if err != nil {
			return output, fmt.Errorf("read the build's output: %w", err)
		}
	}
}
