package main

import (
	"context"
	"errors"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/patchbay-ci/patchbay/sdk"
)

// watch is one RunStep's look at a started container.
type watch struct {
	engine *engine
	id     string
	output *output

	// end and err are set before ended is closed.
	ended chan struct{}
	end   *container.InspectResponse
	err   error
	// brokeOff is set when the Engine was away meanwhile, as when it is restarted.
	brokeOff bool
}

func newWatch(e *engine, id string, s *sdk.Session) *watch {
	return &watch{engine: e, id: id, output: newOutput(e, id, s), ended: make(chan struct{})}
}

// toTheEnd passes on the output and returns how the container ended. When ctx is
// cancelled it stops the container; when ctx is detached it just leaves.
func (w *watch) toTheEnd(ctx context.Context) (sdk.Result, error) {
	watching, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	// Whatever is being waited for, letting go of the step ends it.
	defer context.AfterFunc(ctx, func() {
		if _, cancelled := sdk.CancelGrace(ctx); !cancelled {
			leave()
		}
	})()
	go w.await(watching)
	followed := make(chan error, 1)
	following, stopFollowing := context.WithCancel(watching)
	defer stopFollowing()
	go func() { followed <- w.output.follow(following) }()

	cancelled := false
	select {
	case <-w.ended:
	case <-ctx.Done():
		var grace time.Duration
		if grace, cancelled = sdk.CancelGrace(ctx); cancelled {
			w.stop(watching, grace)
		}
		<-w.ended
	case err := <-followed: // the host is gone
		if err == nil {
			err = context.Cause(ctx)
		}
		return sdk.Result{}, err
	}
	stopFollowing()
	err := <-followed
	if err == nil && w.err == nil {
		err = w.output.finish(watching)
	}
	switch {
	case watching.Err() != nil:
		return sdk.Result{}, context.Cause(ctx)
	case w.err != nil:
		return sdk.Result{}, w.err
	case err != nil:
		return sdk.Result{}, err
	case cancelled:
		return sdk.Cancelled(), nil
	}
	if w.brokeOff && w.engine.wasStopped(watching, w.end) {
		return sdk.Result{}, endedByRestart(w.end.Name)
	}
	return w.engine.result(watching, w.end), nil
}

// await closes ended when the container has ended or nothing more can be learned
// about it.
func (w *watch) await(ctx context.Context) {
	defer close(w.ended)
	var awaySince time.Time
	pause := shortPause
	for {
		waitErr := w.engine.wait(ctx, w.id)
		// The Engine's answer to a wait can be of a moment ago, or broken off:
		// what counts is the container's state.
		found, err := w.engine.api.ContainerInspect(ctx, w.id)
		w.brokeOff = w.brokeOff || waitErr != nil
		switch {
		case ctx.Err() != nil:
			w.err = context.Cause(ctx)
			return
		case errdefs.IsNotFound(err):
			w.err = lost(w.id)
			return
		case err == nil && found.State.Status == container.StateExited:
			w.end = &found
			return
		case err == nil && (found.State.Status == container.StateDead || found.State.Status == container.StateRemoving):
			w.err = lost(found.Name)
			return
		case err == nil && waitErr == nil:
			awaySince = time.Time{}
		case err != nil && awaySince.IsZero():
			awaySince = time.Now()
		case err != nil && time.Since(awaySince) > w.engine.away:
			w.err = w.engine.explain("watch the container", err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			pause = min(2*pause, longPause)
		}
	}
}

// wait returns when the Engine says that the container is not running.
func (e *engine) wait(ctx context.Context, id string) error {
	ended, failed := e.api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case response := <-ended:
		if response.Error != nil {
			return errors.New(response.Error.Message)
		}
		return nil
	case err := <-failed:
		return err
	}
}

// stop asks the container to end with the signal its image wants, and forces it
// when grace has passed. The Engine's own stop counts in whole seconds.
func (w *watch) stop(ctx context.Context, grace time.Duration) {
	forced := time.NewTimer(grace)
	defer forced.Stop()
	if grace > 0 {
		_ = w.engine.api.ContainerKill(ctx, w.id, w.engine.stopSignal(ctx, w.id))
		select {
		case <-w.ended:
			return
		case <-forced.C:
		}
	}
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		// An error means that it has ended, or that the Engine is away for now.
		_ = w.engine.api.ContainerKill(ctx, w.id, "SIGKILL")
		select {
		case <-w.ended:
			return
		case <-time.After(pause):
		}
	}
}

func (e *engine) stopSignal(ctx context.Context, id string) string {
	found, err := e.api.ContainerInspect(ctx, id)
	if err != nil || found.Config == nil || found.Config.StopSignal == "" {
		return "SIGTERM"
	}
	return found.Config.StopSignal
}
