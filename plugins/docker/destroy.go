package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"golang.org/x/sync/errgroup"

	"github.com/patchbay-ci/patchbay/sdk"
)

// destroyAtOnce is how many containers are removed at the same time.
const destroyAtOnce = 8

// PostExecute implements sdk.PostExecutor: the result is stored, so the container
// is not needed any more. What a build made is: later steps may use it.
func (c *connector) PostExecute(ctx context.Context, r sdk.PostExecuteRequest) error {
	return c.destroy(ctx, []sdk.AttemptRef{r.Attempt})
}

// DestroyStep implements sdk.Destroyer: it kills and removes the attempts'
// containers, those of their services, their networks and their anonymous volumes,
// and what their builds left. All are tried, whatever happens to one. Nothing of a
// host that is gone for ever is left either.
func (c *connector) DestroyStep(ctx context.Context, r sdk.DestroyRequest) error {
	if err := c.destroy(ctx, r.Attempts); err != nil {
		return errors.Join(err, c.destroyBuilds(ctx, r.Attempts))
	}
	if err := c.destroyBuilds(ctx, r.Attempts); err != nil {
		return err
	}
	c.sweepOnce(ctx)
	return nil
}

func (c *connector) destroy(ctx context.Context, attempts []sdk.AttemptRef) error {
	if err := c.engine.usable(); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(destroyAtOnce)
	for _, attempt := range attempts {
		c.prepared.take(attempt.AttemptID)
		group.Go(func() error {
			if mayHaveServices(attempt.State) {
				if err := c.destroyServices(ctx, attempt.AttemptID); err != nil {
					return err
				}
			}
			if err := c.engine.remove(ctx, containerName(attempt.AttemptID)); err != nil || !mayHaveServices(attempt.State) {
				return err
			}
			return c.engine.removeNetwork(ctx, containerName(attempt.AttemptID))
		})
	}
	return group.Wait()
}

// mayHaveServices is false only for an attempt that has said so: one that never
// saved a state may have come as far as its services.
func mayHaveServices(state []byte) bool {
	var saved savedState
	return len(state) == 0 || json.Unmarshal(state, &saved) != nil || saved.Services
}

// destroyServices removes the containers of an attempt's services.
func (c *connector) destroyServices(ctx context.Context, attemptID string) error {
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	found, err := c.engine.list(ctx, labelAttempt+"="+attemptID, labelService)
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, service := range found {
		group.Go(func() error { return c.engine.remove(ctx, service.ID) })
	}
	return group.Wait()
}

// list returns the containers, running or not, that have all of the labels.
func (e *engine) list(ctx context.Context, labels ...string) ([]container.Summary, error) {
	found, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: labelled(labels...)})
	if err != nil {
		return nil, e.explain("list the containers of steps", err)
	}
	return found, nil
}

func labelled(labels ...string) filters.Args {
	wanted := filters.NewArgs(filters.Arg("label", labelConnector+"=docker"))
	for _, label := range labels {
		wanted.Add("label", label)
	}
	return wanted
}

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

// removeNetwork removes every network of that name and of this connector's: names
// need not be unique. None is no error.
func (e *engine) removeNetwork(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	wanted := labelled()
	wanted.Add("name", "^"+name+"$")
	found, err := e.api.NetworkList(ctx, network.ListOptions{Filters: wanted})
	if err != nil {
		return e.explain("look for the network "+name, err)
	}
	for _, n := range found {
		if n.Name != name {
			continue
		}
		if err := e.api.NetworkRemove(ctx, n.ID); err != nil && !errdefs.IsNotFound(err) {
			return e.explain("remove the network "+name, err)
		}
	}
	return nil
}
