package main

import (
	"context"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// remove leaves nothing of a container, running or not, nor of its anonymous
// volumes. No container is no error.
func (e *engine) remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	err := e.api.ContainerRemove(ctx, name, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsConflict(err) { // somebody else is removing it just now
		err = e.awaitRemoval(ctx, name)
	}
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return e.explain("remove the container "+name, err)
}

func (e *engine) awaitRemoval(ctx context.Context, name string) error {
	gone, failed := e.api.ContainerWait(ctx, name, container.WaitConditionRemoved)
	select {
	case <-gone:
		return nil
	case err := <-failed:
		return err
	}
}
