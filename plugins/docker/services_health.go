package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/patchbay-ci/patchbay/sdk"
)

// errServiceEnded is why a service that does not run any more is not tried again.
var errServiceEnded = errors.New("it has ended")

// awaitReady waits until a service is ready, or will not be: it has ended, or as many
// tries have failed as it may have.
func (c *connector) awaitReady(ctx context.Context, r sdk.Request[config], service *service, id string, s *sdk.Session) error {
	interval, timeout, retries := service.HealthCheck.timing()
	if err := s.Progress("waiting for the service "+service.Name, -1); err != nil {
		return err
	}
	var last error
	for try := range retries {
		if try > 0 {
			select {
			case <-time.After(interval):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		last = c.tryService(ctx, r, service, id, timeout)
		switch {
		case last == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(last, errServiceEnded):
			return notReady(service, "%v", last)
		}
	}
	return notReady(service, "%d tries have failed, the last one: %v", retries, last)
}

func notReady(service *service, format string, args ...any) error {
	return &sdk.Error{Class: sdk.ClassExternalService,
		Message:    "the service " + service.Name + " did not get ready: " + fmt.Sprintf(format, args...),
		Suggestion: "the step's log has the service's last output; a slow one needs more retries in its health_check"}
}

// tryService says why a service is not ready at this moment.
func (c *connector) tryService(ctx context.Context, r sdk.Request[config], service *service, id string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found, err := c.engine.api.ContainerInspect(ctx, id)
	switch {
	case err != nil:
		return c.engine.explain("look at the service "+service.Name, err)
	case !found.State.Running:
		return fmt.Errorf("%w with the exit code %d", errServiceEnded, found.State.ExitCode)
	}
	check := service.HealthCheck
	switch {
	case check == nil:
		return imageHealth(found.State.Health)
	case check.TCP != 0:
		endpoint := found.NetworkSettings.Networks[containerName(r.Step.AttemptID)]
		if endpoint == nil || endpoint.IPAddress == "" {
			return errors.New("it has no address yet")
		}
		return dial(ctx, net.JoinHostPort(endpoint.IPAddress, strconv.Itoa(check.TCP)))
	}
	return c.engine.probe(ctx, id, check.Command)
}

// imageHealth goes by the check that the image brings along, if it does.
func imageHealth(health *container.Health) error {
	if health == nil || health.Status == container.NoHealthcheck || health.Status == container.Healthy {
		return nil
	}
	if n := len(health.Log); n > 0 {
		return fmt.Errorf("it is %s: exit code %d, %.500q", health.Status, health.Log[n-1].ExitCode, health.Log[n-1].Output)
	}
	return fmt.Errorf("it is %s", health.Status)
}

func dial(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// maxProbe is how much of a probe's output is told.
const maxProbe = 500

// probe runs a command in a service's container.
func (e *engine) probe(ctx context.Context, id string, command commandLine) error {
	line := command.list
	if len(line) == 0 {
		line = []string{"sh", "-c", command.text}
	}
	made, err := e.api.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: line, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return e.explain("try the service", err)
	}
	attached, err := e.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return e.explain("try the service", err)
	}
	defer context.AfterFunc(ctx, attached.Close)() // a read of it knows no context
	defer attached.Close()
	var said head
	_, _ = stdcopy.StdCopy(&said, &said, attached.Reader)
	if ctx.Err() != nil {
		return fmt.Errorf("the command took too long; it has said %q", said)
	}
	ended, err := e.api.ContainerExecInspect(ctx, made.ID)
	switch {
	case err != nil:
		return e.explain("try the service", err)
	case ended.ExitCode != 0:
		return fmt.Errorf("the command ended with the exit code %d and said %q", ended.ExitCode, said)
	}
	return nil
}

// head keeps the first bytes that are written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), maxProbe-len(*h))]...)
	return len(p), nil
}
