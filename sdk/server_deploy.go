package sdk

import (
	"context"
	"reflect"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// deploy calls the connector's Deployer, guarded; its error is ready for the wire.
func (s *server) deploy(method string, do func(Deployer) error) error {
	c, ok := s.connector.(Deployer)
	if !ok {
		return unannounced(method)
	}
	return s.call(method, func() error { return do(c) })
}

// StartInstance passes on to a Deployer.
func (s *server) StartInstance(ctx context.Context, r *connectorv1.StartInstanceRequest) (*connectorv1.StartInstanceResponse, error) {
	err := s.deploy("StartInstance", func(c Deployer) error { return c.StartInstance(ctx, startInstanceFromProto(r)) })
	if err != nil {
		return nil, err
	}
	return &connectorv1.StartInstanceResponse{}, nil
}

// ActivateInstance passes on to a Deployer.
func (s *server) ActivateInstance(ctx context.Context, r *connectorv1.ActivateInstanceRequest) (*connectorv1.ActivateInstanceResponse, error) {
	var activation Activation
	err := s.deploy("ActivateInstance", func(c Deployer) (err error) {
		activation, err = c.ActivateInstance(ctx, ActivateInstanceRequest{Instance: instanceFromProto(r.GetInstance())})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &connectorv1.ActivateInstanceResponse{Endpoint: text(activation.Endpoint)}, nil
}

// InspectInstance passes on to a Deployer.
func (s *server) InspectInstance(ctx context.Context, r *connectorv1.InspectInstanceRequest) (*connectorv1.InspectInstanceResponse, error) {
	var found InstanceStatus
	err := s.deploy("InspectInstance", func(c Deployer) (err error) {
		found, err = c.InspectInstance(ctx, InspectInstanceRequest{Instance: instanceFromProto(r.GetInstance())})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &connectorv1.InspectInstanceResponse{Status: instanceStatusToProto(found)}, nil
}

// WatchInstance passes on to an InstanceWatcher, or inspects again and again.
func (s *server) WatchInstance(r *connectorv1.WatchInstanceRequest, stream connectorv1.ConnectorService_WatchInstanceServer) error {
	request := WatchInstanceRequest{Instance: instanceFromProto(r.GetInstance())}
	report := func(status InstanceStatus) error {
		return stream.Send(&connectorv1.WatchInstanceResponse{Status: instanceStatusToProto(status)})
	}
	return s.stream(stream.Context(), "WatchInstance", func(ctx context.Context, c Deployer) error {
		if w, ok := s.connector.(InstanceWatcher); ok {
			return w.WatchInstance(ctx, request, report)
		}
		return inspectAgain(ctx, c, request, report)
	})
}

// inspectAgain watches an instance of a connector that has no better way.
func inspectAgain(ctx context.Context, c Deployer, r WatchInstanceRequest, report func(InstanceStatus) error) error {
	var last InstanceStatus
	ticker := time.NewTicker(WatchInterval)
	defer ticker.Stop()
	for first := true; ; first = false {
		status, err := c.InspectInstance(ctx, InspectInstanceRequest(r))
		if err != nil {
			return err
		}
		if first || !reflect.DeepEqual(status, last) {
			if err := report(status); err != nil {
				return err
			}
			last = status
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// CheckInstance passes on to a Deployer.
func (s *server) CheckInstance(ctx context.Context, r *connectorv1.CheckInstanceRequest) (*connectorv1.CheckInstanceResponse, error) {
	var result HealthResult
	err := s.deploy("CheckInstance", func(c Deployer) (err error) {
		result, err = c.CheckInstance(ctx, checkInstanceFromProto(r))
		return err
	})
	if err != nil {
		return nil, err
	}
	return healthResultToProto(result), nil
}

// StopInstance passes on to a Deployer.
func (s *server) StopInstance(ctx context.Context, r *connectorv1.StopInstanceRequest) (*connectorv1.StopInstanceResponse, error) {
	err := s.deploy("StopInstance", func(c Deployer) error { return c.StopInstance(ctx, stopInstanceFromProto(r)) })
	if err != nil {
		return nil, err
	}
	return &connectorv1.StopInstanceResponse{}, nil
}

// RemoveRelease passes on to a Deployer.
func (s *server) RemoveRelease(ctx context.Context, r *connectorv1.RemoveReleaseRequest) (*connectorv1.RemoveReleaseResponse, error) {
	err := s.deploy("RemoveRelease", func(c Deployer) error { return c.RemoveRelease(ctx, removeReleaseFromProto(r)) })
	if err != nil {
		return nil, err
	}
	return &connectorv1.RemoveReleaseResponse{}, nil
}

// InstanceLogs passes on to a Deployer.
func (s *server) InstanceLogs(r *connectorv1.InstanceLogsRequest, stream connectorv1.ConnectorService_InstanceLogsServer) error {
	var one sync.Mutex // one sender at a time, as gRPC wants it
	return s.stream(stream.Context(), "InstanceLogs", func(ctx context.Context, c Deployer) error {
		return c.InstanceLogs(ctx, instanceLogsFromProto(r), &logStream{one: &one, stream: stream}, &logStream{one: &one, stream: stream, stderr: true})
	})
}

// stream is a call that does not end by itself. It ends with this process, too, and then
// the host must see what it sees when a process dies, and call again.
func (s *server) stream(ctx context.Context, method string, do func(context.Context, Deployer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	err := s.deploy(method, func(c Deployer) error { return do(ctx, c) })
	if s.stopping.Err() != nil {
		return status.Error(codes.Unavailable, ErrDetached.Error())
	}
	return err
}

// logStream is one of an instance's two streams on its way to the host.
type logStream struct {
	one    *sync.Mutex
	stream connectorv1.ConnectorService_InstanceLogsServer
	stderr bool
}

// Write sends p, in pieces that fit.
func (l *logStream) Write(p []byte) (int, error) {
	l.one.Lock()
	defer l.one.Unlock()
	for written := 0; written < len(p); {
		piece := p[written:min(len(p), written+MaxOutputChunk)]
		if err := l.stream.Send(&connectorv1.InstanceLogsResponse{Data: piece, Stderr: l.stderr}); err != nil {
			return written, err
		}
		written += len(piece)
	}
	return len(p), nil
}
