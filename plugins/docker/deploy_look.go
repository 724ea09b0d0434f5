package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/patchbay-ci/patchbay/sdk"
)

// serviceCheckTail bounds what is kept of a check's output.
const serviceCheckTail = 1 << 10

// CheckInstance implements sdk.Deployer. The Engine has no way to end what it runs in a
// container: a check that takes too long has failed, and its process ends by itself or with
// the container.
func (c *connector) CheckInstance(ctx context.Context, r sdk.CheckInstanceRequest) (sdk.HealthResult, error) {
	if err := c.engine.usable(); err != nil {
		return sdk.HealthResult{}, err
	}
	asking, cancel := context.WithTimeout(ctx, max(r.Timeout, time.Second))
	defer cancel()
	result, err := c.engine.check(asking, instanceName(r.Instance.ID), r.Argv)
	switch {
	case ctx.Err() != nil:
		return result, context.Cause(ctx)
	case asking.Err() != nil:
		return sdk.HealthResult{Message: "the check took longer than " + r.Timeout.String()}, nil
	case errdefs.IsNotFound(err), errdefs.IsConflict(err):
		return sdk.HealthResult{Message: "it does not run"}, nil
	}
	return result, c.engine.explain("check the service", err)
}

// check runs a command in a container.
func (e *engine) check(ctx context.Context, name string, argv []string) (sdk.HealthResult, error) {
	made, err := e.api.ContainerExecCreate(ctx, name, container.ExecOptions{Cmd: argv, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return sdk.HealthResult{}, err
	}
	attached, err := e.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return sdk.HealthResult{}, err
	}
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)()
	said := &ring{limit: serviceCheckTail}
	if _, err := stdcopy.StdCopy(said, said, attached.Reader); err != nil {
		return sdk.HealthResult{}, err
	}
	ended, err := e.api.ContainerExecInspect(ctx, made.ID)
	if err != nil {
		return sdk.HealthResult{}, err
	}
	text := strings.TrimSpace(strings.ToValidUTF8(string(said.bytes()), "?"))
	text = text[strings.LastIndexByte(text, '\n')+1:]
	if ended.ExitCode != 0 {
		return sdk.HealthResult{Message: strings.TrimSuffix("exit code "+strconv.Itoa(ended.ExitCode)+": "+text, ": ")}, nil
	}
	return sdk.HealthResult{Healthy: true, Message: text}, nil
}

// InstanceLogs implements sdk.Deployer; the Engine has them, also of what was stopped.
func (c *connector) InstanceLogs(ctx context.Context, r sdk.InstanceLogsRequest, stdout, stderr io.Writer) error {
	if err := c.engine.usable(); err != nil {
		return err
	}
	options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: r.Follow, Tail: "all"}
	switch {
	case r.Tail < 0 && !r.Follow:
		return nil
	case r.Tail < 0:
		options.Tail = "0"
	case r.Tail > 0:
		options.Tail = strconv.Itoa(r.Tail)
	}
	log, err := c.engine.api.ContainerLogs(ctx, instanceName(r.Instance.ID), options)
	if errdefs.IsNotFound(err) {
		log, err = c.engine.api.ContainerLogs(ctx, stoppedName(r.Instance.ID), options)
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return c.engine.explain("read the service's log", err)
	}
	defer log.Close()
	_, err = stdcopy.StdCopy(stdout, stderr, log)
	if ctx.Err() != nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return context.Cause(ctx)
	}
	return err
}
