package main

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// lookAgain is how often what sends no event is looked at: a folder, and what does not run.
const lookAgain = time.Second

// WatchInstance implements sdk.InstanceWatcher: the kernel tells of the end of a service.
func (c *connector) WatchInstance(ctx context.Context, r sdk.WatchInstanceRequest, report func(sdk.InstanceStatus) error) error {
	folder, err := instanceFolder(r.Instance)
	if err != nil {
		return err
	}
	var last *sdk.InstanceStatus
	for {
		status, err := inspect(r.Instance)
		if err != nil {
			return err
		}
		if last == nil || !reflect.DeepEqual(*last, status) {
			if err := report(status); err != nil {
				return err
			}
			last = &status
		}
		if err := untilChanged(ctx, folder, status); err != nil {
			return err
		}
	}
}

// untilChanged returns nil when it is time to look again.
func untilChanged(ctx context.Context, folder string, status sdk.InstanceStatus) error {
	var known started
	lock := filepath.Join(folder, lockName)
	if status.State == sdk.InstanceRunning && held(lock) {
		there, err := readJSON(filepath.Join(folder, startedFile), &known)
		if err != nil {
			return err
		}
		if there && known.Keeper > 0 {
			gone, err := watchEnd(known.Keeper, lock)
			if err != nil || gone == nil {
				return err
			}
			return errors.Join(gone.wait(ctx), gone.Close())
		}
	}
	select {
	case <-time.After(lookAgain):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
