package sdk

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// server is the connector's end of the protocol.
type server struct {
	connectorv1.UnimplementedConnectorServiceServer
	connector Connector

	stopping  context.Context // done after disconnect
	stop      context.CancelFunc
	attempts  sync.WaitGroup
	drainOnce sync.Once
	drained   chan struct{}
}

func newServer(connector Connector) *server {
	stopping, stop := context.WithCancel(context.Background())
	return &server{connector: connector, stopping: stopping, stop: stop, drained: make(chan struct{})}
}

func (s *server) register(r grpc.ServiceRegistrar) { connectorv1.RegisterConnectorServiceServer(r, s) }

// disconnect treats every attempt as if its host had gone.
func (s *server) disconnect() { s.stop() }

// drain waits until no attempt is running in this process, at most for limit.
func (s *server) drain(limit time.Duration) {
	s.disconnect()
	s.drainOnce.Do(func() {
		go func() {
			s.attempts.Wait()
			close(s.drained)
		}()
	})
	select {
	case <-s.drained:
	case <-time.After(limit):
	}
}

// Describe answers with the connector's Info.
func (s *server) Describe(context.Context, *connectorv1.DescribeRequest) (*connectorv1.DescribeResponse, error) {
	var info Info
	err := s.call("Describe", func() error {
		info = describe(s.connector)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return infoToProto(info), nil
}

// call is one call of the connector, guarded; its error is ready for the wire.
func (s *server) call(name string, method func() error) error {
	err := func() (err error) {
		defer s.guard(name, &err)
		return method()
	}()
	if err != nil {
		return errorToStatus(err)
	}
	return nil
}

// ValidateConfig answers for every connector: by its own check, or by that of its
// typed actions.
func (s *server) ValidateConfig(ctx context.Context, r *connectorv1.ValidateConfigRequest) (*connectorv1.ValidateConfigResponse, error) {
	request := validateRequestFromProto(r)
	var diagnostics []Diagnostic
	err := s.call("ValidateConfig", func() (err error) {
		switch c := s.connector.(type) {
		case ConfigValidator:
			diagnostics, err = c.ValidateConfig(ctx, request)
		case interface {
			CheckConfig(ValidateRequest) ([]Diagnostic, error)
		}:
			diagnostics, err = c.CheckConfig(request)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &connectorv1.ValidateConfigResponse{Diagnostics: diagnosticsToProto(diagnostics)}, nil
}

// PreExecute passes on to a PreExecutor.
func (s *server) PreExecute(ctx context.Context, r *connectorv1.PreExecuteRequest) (*connectorv1.PreExecuteResponse, error) {
	c, ok := s.connector.(PreExecutor)
	if !ok {
		return nil, unannounced("PreExecute")
	}
	err := s.call("PreExecute", func() error {
		return c.PreExecute(ctx, PreExecuteRequest{Step: stepFromProto(r.GetStep())})
	})
	if err != nil {
		return nil, err
	}
	return &connectorv1.PreExecuteResponse{}, nil
}

// PrepareStep passes on to a StepPreparer.
func (s *server) PrepareStep(ctx context.Context, r *connectorv1.PrepareStepRequest) (*connectorv1.PrepareStepResponse, error) {
	c, ok := s.connector.(StepPreparer)
	if !ok {
		return nil, unannounced("PrepareStep")
	}
	err := s.call("PrepareStep", func() error {
		return c.PrepareStep(ctx, PrepareStepRequest{Step: stepFromProto(r.GetStep())})
	})
	if err != nil {
		return nil, err
	}
	return &connectorv1.PrepareStepResponse{}, nil
}

// PostExecute passes on to a PostExecutor.
func (s *server) PostExecute(ctx context.Context, r *connectorv1.PostExecuteRequest) (*connectorv1.PostExecuteResponse, error) {
	c, ok := s.connector.(PostExecutor)
	if !ok {
		return nil, unannounced("PostExecute")
	}
	err := s.call("PostExecute", func() error {
		return c.PostExecute(ctx, postExecuteFromProto(r))
	})
	if err != nil {
		return nil, err
	}
	return &connectorv1.PostExecuteResponse{}, nil
}

// DestroyStep passes on to a Destroyer.
func (s *server) DestroyStep(ctx context.Context, r *connectorv1.DestroyStepRequest) (*connectorv1.DestroyStepResponse, error) {
	c, ok := s.connector.(Destroyer)
	if !ok {
		return nil, unannounced("DestroyStep")
	}
	err := s.call("DestroyStep", func() error {
		return c.DestroyStep(ctx, destroyRequestFromProto(r))
	})
	if err != nil {
		return nil, err
	}
	return &connectorv1.DestroyStepResponse{}, nil
}

// Check passes on to a Checker.
func (s *server) Check(ctx context.Context, _ *connectorv1.CheckRequest) (*connectorv1.CheckResponse, error) {
	c, ok := s.connector.(Checker)
	if !ok {
		return nil, unannounced("Check")
	}
	var result CheckResult
	err := s.call("Check", func() (err error) {
		result, err = c.Check(ctx, CheckRequest{})
		return err
	})
	if err != nil {
		return nil, err
	}
	return checkResultToProto(result), nil
}

func unannounced(method string) error {
	return status.Errorf(codes.Unimplemented, "this connector does not announce %s", method)
}
