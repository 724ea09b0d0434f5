package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/patchbay-ci/patchbay/sdk"
)

// createTries bounds how often a container that keeps vanishing is made again.
const createTries = 5

// savedState is what the host keeps for an attempt.
type savedState struct {
	Container string `json:"container"`
	// Services says that there is more to remove than the container.
	Services bool `json:"services,omitempty"`
}

// begun is a container that has been started, or could not be (failed).
type begun struct {
	id     string
	fresh  bool // started just now
	failed *sdk.Result
}

// begin returns the attempt's container, started. It creates and starts at most
// one, ever: callers for the same attempt, in this process or another, take turns,
// and an ended container is not started again.
func (c *connector) begin(ctx context.Context, r sdk.Request[config], s *sdk.Session) (begun, error) {
	release, err := c.locks.take(ctx, r.Step)
	if err != nil {
		return begun{}, err
	}
	defer release()
	found, err := c.findOrCreate(ctx, r, s)
	if err != nil {
		return begun{}, err
	}
	state, err := json.Marshal(savedState{Container: found.ID, Services: len(r.Config.Services) > 0})
	if err != nil {
		return begun{}, fmt.Errorf("write the state: %w", err)
	}
	if err := s.SaveState(state); err != nil {
		return begun{}, err
	}
	switch found.status {
	case container.StateCreated:
		if err := context.Cause(ctx); err != nil {
			return begun{}, err
		}
		if err := c.startServices(ctx, r, s); err != nil {
			return begun{}, err
		}
		return c.start(ctx, r, s, found.ID)
	case container.StateRemoving, container.StateDead:
		return begun{}, lost(containerName(r.Step.AttemptID))
	}
	return begun{id: found.ID}, nil
}

// existing is a container of the attempt.
type existing struct {
	ID     string
	status container.ContainerState
	digest string // of its spec
}

// findOrCreate joins the attempt's container or makes it. The usual cases cost one
// request or none: a name that is taken says that there is something to join, and
// what this process has got ready it knows.
func (c *connector) findOrCreate(ctx context.Context, r sdk.Request[config], s *sdk.Session) (*existing, error) {
	name := containerName(r.Step.AttemptID)
	ready := c.prepared.take(r.Step.AttemptID)
	joining := len(r.State) > 0
	var pulled bool
	if joining || r.Config.Pull == pullAlways {
		found, err := c.find(ctx, name, r.Step.AttemptID)
		switch {
		case err != nil:
			return nil, err
		case found != nil && found.status != container.StateCreated:
			return found, nil
		case found == nil && joining:
			return nil, lost(name)
		}
	}
	if !joining && r.Config.Pull == pullAlways {
		if err := c.pullImage(ctx, r, r.Config.Image, s.Progress); err != nil {
			return nil, err
		}
		pulled = true
	}
	wanted, err := c.newSpec(ctx, r)
	if err == nil {
		err = wanted.mark()
	}
	if err != nil {
		return nil, err
	}
	if ready != nil && ready.digest == wanted.digest() {
		return ready, nil
	}
	if len(r.Config.Services) > 0 {
		if err := c.makeNetwork(ctx, r.Step, r.CancelOnDisconnect); err != nil {
			return nil, err
		}
	}
	return c.make(ctx, r, order{name: name, image: r.Config.Image, wanted: wanted, pulled: pulled || r.Config.Pull == pullNever, report: s.Progress})
}

// order is a container that is to be there.
type order struct {
	name, image string
	wanted      *spec
	pulled      bool // there is no use in pulling, or none is allowed
	report      func(message string, percent int) error
}

// make makes the container of an order, or finds it; it pulls the image if it is
// missing. One that was made for something else, and never started, gives way.
func (c *connector) make(ctx context.Context, r sdk.Request[config], o order) (*existing, error) {
	var last error
	for range createTries {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		id, err := c.engine.create(ctx, o.name, o.wanted)
		if err == nil {
			return &existing{ID: id, status: container.StateCreated, digest: o.wanted.digest()}, nil
		}
		last = err
		noImage := errdefs.IsNotFound(err)
		if !noImage && !errdefs.IsConflict(err) {
			return nil, c.engine.explainCreate(err)
		}
		// Joining comes before pulling: a container outlives its image's name.
		found, findErr := c.find(ctx, o.name, r.Step.AttemptID)
		switch {
		case findErr != nil:
			return nil, findErr
		case found != nil && found.status == container.StateCreated && found.digest != o.wanted.digest():
			if err := c.engine.remove(ctx, o.name); err != nil {
				return nil, err
			}
			continue
		case found != nil:
			return found, nil
		case !noImage:
			continue // the other container has gone since
		}
		if o.pulled {
			return nil, noSuchImage(o.image, r.Config.Pull, err)
		}
		if err := c.pullImage(ctx, r, o.image, o.report); err != nil {
			return nil, err
		}
		o.pulled = true
	}
	return nil, c.engine.explainCreate(last)
}

// find returns the attempt's container, or nil when there is none.
func (c *connector) find(ctx context.Context, name, attemptID string) (*existing, error) {
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	found, err := c.engine.api.ContainerInspect(ctx, name)
	switch {
	case errdefs.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, c.engine.explain("look for the step's container", err)
	case found.Config == nil || found.Config.Labels[labelAttempt] != attemptID:
		return nil, sdk.Errorf(sdk.ClassExternalService, "a container named %s exists that is not this step's", name)
	}
	return &existing{ID: found.ID, status: found.State.Status, digest: found.Config.Labels[labelSpec]}, nil
}

// start starts a container that never was. A program that the image does not have
// is the step's failure, as in a shell, not the connector's.
func (c *connector) start(ctx context.Context, r sdk.Request[config], s *sdk.Session, id string) (begun, error) {
	err := c.engine.start(ctx, id)
	if err == nil {
		return begun{id: id, fresh: true}, nil
	}
	if c.lacksInit(err) {
		return c.startWithoutInit(ctx, r, s)
	}
	inspecting, cancel := detached(ctx)
	defer cancel()
	if found, inspectErr := c.engine.api.ContainerInspect(inspecting, id); inspectErr == nil {
		if code := found.State.ExitCode; code == 126 || code == 127 {
			result := sdk.Exited(code)
			result.Message = "the container could not start: " + engineText(err)
			return begun{failed: &result}, nil
		}
	}
	return begun{}, c.engine.explain("start the container", err)
}

// lacksInit reports, once, that a container could not start for want of docker-init.
func (c *connector) lacksInit(err error) bool {
	return strings.Contains(err.Error(), "docker-init") && !c.engine.noInit.Swap(true)
}

// startWithoutInit makes the container anew for an Engine that has no docker-init.
func (c *connector) startWithoutInit(ctx context.Context, r sdk.Request[config], s *sdk.Session) (begun, error) {
	removing, cancel := detached(ctx)
	defer cancel()
	if err := c.engine.remove(removing, containerName(r.Step.AttemptID)); err != nil {
		return begun{}, err
	}
	r.State = nil // what it speaks of is gone
	found, err := c.findOrCreate(ctx, r, s)
	if err != nil {
		return begun{}, err
	}
	return c.start(ctx, r, s, found.ID)
}

func (e *engine) create(ctx context.Context, name string, wanted *spec) (string, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	made, err := e.api.ContainerCreate(ctx, wanted.config, wanted.host, wanted.network, wanted.platform, name)
	return made.ID, err
}

func (e *engine) start(ctx context.Context, id string) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	return e.api.ContainerStart(ctx, id, container.StartOptions{})
}
