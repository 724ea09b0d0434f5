package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/patchbay-ci/patchbay/sdk"
)

// The labels of a deployed service's containers. They have none of an attempt's, so no sweep
// takes them for what a step has left.
const (
	labelInstance = "ci.patchbay.instance"
	labelRelease  = "ci.patchbay.release"
	labelDeployed = "ci.patchbay.deployed" // the name of the service
)

// instanceName is the name of an instance's container. Stopped, it has another name: it is
// kept for its log, and is no instance any longer.
func instanceName(id string) string { return containerName("service-" + id) }

func stoppedName(id string) string { return instanceName(id) + "-stopped" }

// StartInstance implements sdk.Deployer.
func (c *connector) StartInstance(ctx context.Context, r sdk.StartInstanceRequest) error {
	spec, err := c.deploySpec(r.Instance)
	if err != nil {
		return err
	}
	wanted, err := c.newService(spec, r)
	if err != nil {
		return err
	}
	name := instanceName(r.Instance.ID)
	for range createTries {
		_, err = c.engine.create(ctx, name, wanted)
		switch {
		case errdefs.IsNotFound(err):
			return &sdk.Error{Class: sdk.ClassLost, Message: "the image of the release is gone", Suggestion: "deploy it again by its pipeline", Err: err}
		case err != nil && !errdefs.IsConflict(err): // a conflict: it is there
			return c.engine.explainCreate(err)
		}
		err = c.engine.start(ctx, name)
		if err == nil {
			return nil
		}
		if strings.Contains(err.Error(), "docker-init") && !c.engine.noInit.Swap(true) {
			*wanted.host.Init = false
		} else if !errdefs.IsNotFound(err) {
			break
		}
		if err := c.engine.remove(ctx, name); err != nil {
			return err
		}
	}
	return c.engine.explain("start the service", err)
}

func (c *connector) deploySpec(i sdk.Instance) (*deploySpec, error) {
	if err := c.engine.usable(); err != nil {
		return nil, err
	}
	var s deploySpec
	if err := json.Unmarshal(i.Spec, &s); err != nil || s.Image == "" {
		return nil, sdk.Errorf(sdk.ClassInvalidConfig, "the release of service %s was not made by this connector", i.Service)
	}
	return &s, nil
}

// newService says what the container is. What the operator allows may have changed since the
// release was made.
func (c *connector) newService(s *deploySpec, r sdk.StartInstanceRequest) (*spec, error) {
	if err := c.policy.allows(policyOf(s.limits, s.isolation, s.networking, s.storage)); err != nil {
		return nil, err
	}
	environment := map[string]string{}
	for _, layer := range []map[string]string{r.Instance.Environment, r.Secrets} {
		for name, value := range layer {
			environment[name] = value
		}
	}
	wanted := &spec{host: c.hostConfig(&s.limits, &s.isolation), config: &container.Config{
		Image: releaseName(r.Instance.ReleaseID), Entrypoint: s.Entrypoint, Cmd: s.Command, User: s.User, WorkingDir: s.WorkingDirectory,
		Env: environmentList(environment), ExposedPorts: nat.PortSet{},
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}, // the host checks it
		Labels: map[string]string{labelConnector: "docker", labelInstance: r.Instance.ID, labelRelease: r.Instance.ReleaseID,
			labelDeployed: r.Instance.Service}}}
	wanted.host.LogConfig = container.LogConfig{Type: "local", Config: map[string]string{"max-size": "8m", "max-file": "2", "compress": "false"}}
	wanted.host.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyDisabled} // the host starts it again
	s.storage.apply(wanted.host)
	s.networking.apply(wanted.host, "")
	if s.Platform != "" {
		wanted.platform = platformOf(s.Platform)
	}
	bindings, err := s.bindings(r.Instance.Ports)
	wanted.host.PortBindings = bindings
	for port := range bindings {
		wanted.config.ExposedPorts[port] = struct{}{}
	}
	return wanted, err
}

// bindings say where on the machine the container's ports are: where the host has leased
// them, which is loopback unless the operator says otherwise, or where the step wants them.
func (s *deploySpec) bindings(leased []sdk.LeasedPort) (nat.PortMap, error) {
	bindings := nat.PortMap{}
	for _, l := range leased {
		for _, p := range s.Ports {
			if p.name() != l.Name {
				continue
			}
			number, addresses := strconv.Itoa(l.Port), []string{l.Address}
			switch p.address {
			case "", l.Address:
			case "0.0.0.0", "::":
				addresses = []string{p.address}
			default:
				addresses = append(addresses, p.address)
			}
			port, err := nat.NewPort(p.protocol, strconv.Itoa(p.container))
			if err != nil {
				return nil, fmt.Errorf("port %s: %w", l.Name, err)
			}
			for _, address := range addresses {
				bindings[port] = append(bindings[port], nat.PortBinding{HostIP: address, HostPort: number})
			}
		}
	}
	return bindings, nil
}

// ActivateInstance implements sdk.Deployer: users come to the ports.
func (c *connector) ActivateInstance(context.Context, sdk.ActivateInstanceRequest) (sdk.Activation, error) {
	return sdk.Activation{}, nil
}

// InspectInstance implements sdk.Deployer.
func (c *connector) InspectInstance(ctx context.Context, r sdk.InspectInstanceRequest) (sdk.InstanceStatus, error) {
	if err := c.engine.usable(); err != nil {
		return sdk.InstanceStatus{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	found, err := c.engine.api.ContainerInspect(ctx, instanceName(r.Instance.ID))
	if errdefs.IsNotFound(err) {
		return sdk.InstanceStatus{State: sdk.InstanceAbsent}, nil
	}
	if err != nil {
		return sdk.InstanceStatus{}, c.engine.explain("look at the service", err)
	}
	return serviceStatus(found.State), nil
}

func serviceStatus(s *container.State) sdk.InstanceStatus {
	moment := func(text string) time.Time {
		t, _ := time.Parse(time.RFC3339Nano, text) // zero is unknown
		return t.UTC()
	}
	switch s.Status {
	case container.StateRunning, container.StatePaused, container.StateRestarting:
		return sdk.InstanceStatus{State: sdk.InstanceRunning, Since: moment(s.StartedAt)}
	case container.StateCreated:
		if s.ExitCode == 0 {
			return sdk.InstanceStatus{State: sdk.InstanceAbsent}
		}
	}
	status := sdk.InstanceStatus{State: sdk.InstanceExited, Since: moment(s.FinishedAt), ExitCode: &s.ExitCode, Message: s.Error}
	if s.OOMKilled {
		status.Message = "it used more memory than it may"
	}
	return status
}

// WatchInstance implements sdk.InstanceWatcher: the Engine tells of the end.
func (c *connector) WatchInstance(ctx context.Context, r sdk.WatchInstanceRequest, report func(sdk.InstanceStatus) error) error {
	var last *sdk.InstanceStatus
	for {
		status, err := c.InspectInstance(ctx, sdk.InspectInstanceRequest(r))
		if err != nil {
			return err
		}
		if last == nil || !reflect.DeepEqual(*last, status) {
			if err := report(status); err != nil {
				return err
			}
			last = &status
		}
		if status.State != sdk.InstanceRunning { // what is not there sends no events
			select {
			case <-time.After(sdk.WatchInterval):
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		done, failed := c.engine.api.ContainerWait(ctx, instanceName(r.Instance.ID), container.WaitConditionNotRunning)
		select {
		case <-done:
		case err := <-failed:
			if !errdefs.IsNotFound(err) {
				return c.engine.explain("watch the service", err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// StopInstance implements sdk.Deployer. The container stays for its log, until the release
// is removed.
func (c *connector) StopInstance(ctx context.Context, r sdk.StopInstanceRequest) error {
	if err := c.engine.usable(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.Grace+quickCall)
	defer cancel()
	name, seconds := instanceName(r.Instance.ID), int((r.Grace+time.Second-1)/time.Second)
	if err := c.engine.api.ContainerStop(ctx, name, container.StopOptions{Timeout: &seconds}); errdefs.IsNotFound(err) {
		return nil
	} else if err != nil {
		return c.engine.explain("stop the service", err)
	}
	if err := c.engine.remove(ctx, stoppedName(r.Instance.ID)); err != nil { // of the time before
		return err
	}
	if err := c.engine.api.ContainerRename(ctx, name, stoppedName(r.Instance.ID)); err != nil && !errdefs.IsNotFound(err) {
		return c.engine.explain("set the stopped service aside", err)
	}
	return nil
}
