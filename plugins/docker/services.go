package main

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"golang.org/x/sync/errgroup"

	"github.com/patchbay-ci/patchbay/sdk"
)

// serviceName is what the container of an attempt's service is called.
func serviceName(attemptID, service string) string { return containerName(attemptID) + "-" + service }

// makeNetwork makes the private network of an attempt, unless it is there.
func (c *connector) makeNetwork(ctx context.Context, step sdk.Step, tied bool) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	name := containerName(step.AttemptID)
	if found, err := c.engine.api.NetworkInspect(ctx, name, network.InspectOptions{}); err == nil {
		if found.Labels[labelAttempt] != step.AttemptID {
			return sdk.Errorf(sdk.ClassExternalService, "a network named %s exists that is not this step's", name)
		}
		return nil
	}
	_, err := c.engine.api.NetworkCreate(ctx, name, network.CreateOptions{Driver: "bridge", Labels: c.labels(step, tied)})
	if err == nil || errdefs.IsConflict(err) {
		return nil
	}
	return c.engine.explain("make a network for the step and its services", err)
}

// startServices has all services of a step run and be ready. It joins those that are
// there. If one does not get so far, none is left running, and the step's log gets
// what they said last.
func (c *connector) startServices(ctx context.Context, r sdk.Request[config], s *sdk.Session) error {
	group, starting := errgroup.WithContext(ctx)
	for i := range r.Config.Services {
		service := &r.Config.Services[i]
		group.Go(func() error {
			id, err := c.startService(starting, r, service, s)
			if err == nil {
				err = c.awaitReady(starting, r, service, id, s)
			}
			return err
		})
	}
	err := group.Wait()
	if err == nil || ctx.Err() != nil {
		return err
	}
	if tellErr := c.tellOfServices(ctx, r, s); tellErr != nil {
		return tellErr
	}
	return err
}

// startService makes and starts a service's container, or joins the one there.
func (c *connector) startService(ctx context.Context, r sdk.Request[config], service *service, s *sdk.Session) (id string, err error) {
	for {
		made, err := c.makeService(ctx, r, service, s)
		if err != nil || made.status != container.StateCreated {
			return made.id(), err
		}
		err = c.engine.start(ctx, made.ID)
		if err == nil {
			return made.ID, nil
		}
		if !c.lacksInit(err) {
			return "", c.engine.explain("start the service "+service.Name, err)
		}
		if err := c.engine.remove(ctx, made.ID); err != nil {
			return "", err
		}
	}
}

func (c *connector) makeService(ctx context.Context, r sdk.Request[config], service *service, s *sdk.Session) (*existing, error) {
	wanted := c.serviceSpec(r, service)
	if err := wanted.mark(); err != nil {
		return nil, err
	}
	report := func(message string, percent int) error { return s.Progress(service.Name+": "+message, percent) }
	if r.Config.Pull == pullAlways {
		if err := c.pullImage(ctx, r, service.Image, report); err != nil {
			return nil, err
		}
	}
	made, err := c.make(ctx, r, order{name: serviceName(r.Step.AttemptID, service.Name), image: service.Image,
		wanted: wanted, pulled: r.Config.Pull != pullMissing, report: report})
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", service.Name, err)
	}
	return made, nil
}

// id of a container that may not be there.
func (e *existing) id() string {
	if e == nil {
		return ""
	}
	return e.ID
}

// serviceSpec says what a service's container is. It has none of the step's files,
// environment or secrets but those that its config names.
func (c *connector) serviceSpec(r sdk.Request[config], service *service) *spec {
	labels := c.labels(r.Step, r.CancelOnDisconnect)
	labels[labelService] = service.Name
	wanted := &spec{
		config: &container.Config{Image: service.Image, User: service.User, Labels: labels, Hostname: service.Name,
			Entrypoint: []string(service.Entrypoint), Cmd: service.Command.list, Env: environmentList(service.Environment)},
		host: c.hostConfig(&service.limits, &service.isolation),
		network: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			containerName(r.Step.AttemptID): {Aliases: []string{service.Name}}}},
	}
	if service.Command.text != "" {
		wanted.config.Cmd = []string{"sh", "-c", service.Command.text}
	}
	if service.HealthCheck != nil { // in place of the image's own
		wanted.config.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	}
	wanted.host.NetworkMode = container.NetworkMode(containerName(r.Step.AttemptID))
	service.storage.apply(wanted.host)
	if r.Config.Platform != "" {
		wanted.platform = platformOf(r.Config.Platform)
	}
	return wanted
}
