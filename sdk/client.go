package sdk

import (
	"context"

	"google.golang.org/grpc"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// Client is the host's end of the protocol. It is safe for concurrent use. Its
// errors are Error, ErrGone, or those of the caller's context.
type Client struct {
	rpc connectorv1.ConnectorServiceClient
}

// NewClient talks to a connector over a connection.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{rpc: connectorv1.NewConnectorServiceClient(conn)}
}

// Describe asks what the connector is and can do.
func (c *Client) Describe(ctx context.Context) (Info, error) {
	p, err := c.rpc.Describe(ctx, &connectorv1.DescribeRequest{})
	if err != nil {
		return Info{}, errorFromStatus(ctx, err)
	}
	return infoFromProto(p), nil
}

// ValidateConfig checks a config beyond its schema.
func (c *Client) ValidateConfig(ctx context.Context, r ValidateRequest) ([]Diagnostic, error) {
	p, err := c.rpc.ValidateConfig(ctx, validateRequestToProto(r))
	if err != nil {
		return nil, errorFromStatus(ctx, err)
	}
	return diagnosticsFromProto(p.GetDiagnostics()), nil
}

// PreExecute announces an attempt.
func (c *Client) PreExecute(ctx context.Context, r PreExecuteRequest) error {
	_, err := c.rpc.PreExecute(ctx, &connectorv1.PreExecuteRequest{Step: stepToProto(r.Step)})
	return errorFromStatus(ctx, err)
}

// PostExecute says that an attempt's result is stored.
func (c *Client) PostExecute(ctx context.Context, r PostExecuteRequest) error {
	_, err := c.rpc.PostExecute(ctx, postExecuteToProto(r))
	return errorFromStatus(ctx, err)
}

// DestroyStep removes what is left of attempts.
func (c *Client) DestroyStep(ctx context.Context, r DestroyRequest) error {
	_, err := c.rpc.DestroyStep(ctx, destroyRequestToProto(r))
	return errorFromStatus(ctx, err)
}

// Check asks whether the service behind the connector can be used.
func (c *Client) Check(ctx context.Context) (CheckResult, error) {
	p, err := c.rpc.Check(ctx, &connectorv1.CheckRequest{})
	if err != nil {
		return CheckResult{}, errorFromStatus(ctx, err)
	}
	return checkResultFromProto(p), nil
}
