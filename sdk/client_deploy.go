package sdk

import (
	"context"
	"errors"
	"io"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// StartInstance has an instance running.
func (c *Client) StartInstance(ctx context.Context, r StartInstanceRequest) error {
	_, err := c.rpc.StartInstance(ctx, startInstanceToProto(r))
	return errorFromStatus(ctx, err)
}

// ActivateInstance has the service's users reach this instance.
func (c *Client) ActivateInstance(ctx context.Context, r ActivateInstanceRequest) (Activation, error) {
	p, err := c.rpc.ActivateInstance(ctx, &connectorv1.ActivateInstanceRequest{Instance: instanceToProto(r.Instance)})
	if err != nil {
		return Activation{}, errorFromStatus(ctx, err)
	}
	return Activation{Endpoint: p.GetEndpoint()}, nil
}

// InspectInstance asks how an instance is.
func (c *Client) InspectInstance(ctx context.Context, r InspectInstanceRequest) (InstanceStatus, error) {
	p, err := c.rpc.InspectInstance(ctx, &connectorv1.InspectInstanceRequest{Instance: instanceToProto(r.Instance)})
	if err != nil {
		return InstanceStatus{}, errorFromStatus(ctx, err)
	}
	return instanceStatusFromProto(p.GetStatus()), nil
}

// WatchInstance reports how an instance is, at once and then at each change, until ctx is
// done or report returns an error, which it returns then. A connector that ends the
// watching by itself is ErrGone: call again.
func (c *Client) WatchInstance(ctx context.Context, r WatchInstanceRequest, report func(InstanceStatus) error) error {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.WatchInstance(watching, &connectorv1.WatchInstanceRequest{Instance: instanceToProto(r.Instance)})
	if err != nil {
		return errorFromStatus(ctx, err)
	}
	for {
		p, err := stream.Recv()
		if err != nil {
			return errorFromStatus(ctx, err)
		}
		if err := report(instanceStatusFromProto(p.GetStatus())); err != nil {
			return err
		}
	}
}

// CheckInstance has a command run where an instance is.
func (c *Client) CheckInstance(ctx context.Context, r CheckInstanceRequest) (HealthResult, error) {
	p, err := c.rpc.CheckInstance(ctx, checkInstanceToProto(r))
	if err != nil {
		return HealthResult{}, errorFromStatus(ctx, err)
	}
	return healthResultFromProto(p), nil
}

// StopInstance has an instance stopped.
func (c *Client) StopInstance(ctx context.Context, r StopInstanceRequest) error {
	_, err := c.rpc.StopInstance(ctx, stopInstanceToProto(r))
	return errorFromStatus(ctx, err)
}

// RemoveRelease has nothing kept of a release.
func (c *Client) RemoveRelease(ctx context.Context, r RemoveReleaseRequest) error {
	_, err := c.rpc.RemoveRelease(ctx, removeReleaseToProto(r))
	return errorFromStatus(ctx, err)
}

// InstanceLogs writes what an instance printed; an error of a writer ends it and is
// returned.
func (c *Client) InstanceLogs(ctx context.Context, r InstanceLogsRequest, stdout, stderr io.Writer) error {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.InstanceLogs(reading, instanceLogsToProto(r))
	if err != nil {
		return errorFromStatus(ctx, err)
	}
	for {
		p, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errorFromStatus(ctx, err)
		}
		out := stdout
		if p.GetStderr() {
			out = stderr
		}
		if _, err := out.Write(p.GetData()); err != nil {
			return err
		}
	}
}
