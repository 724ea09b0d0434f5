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

// PrepareStep announces the attempt that will probably be the next.
func (c *Client) PrepareStep(ctx context.Context, r PrepareStepRequest) error {
	_, err := c.rpc.PrepareStep(ctx, &connectorv1.PrepareStepRequest{Step: stepToProto(r.Step)})
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

// PlanStep asks what a step would do.
func (c *Client) PlanStep(ctx context.Context, r PlanRequest) (Plan, error) {
	p, err := c.rpc.PlanStep(ctx, &connectorv1.PlanStepRequest{Step: stepToProto(r.Step)})
	if err != nil {
		return Plan{}, errorFromStatus(ctx, err)
	}
	return planFromProto(p), nil
}

// ParseWebhook verifies a delivery and says what happened.
func (c *Client) ParseWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	p, err := c.rpc.ParseWebhook(ctx, webhookRequestToProto(r), grpc.MaxCallSendMsgSize(maxWebhookMessage))
	if err != nil {
		return Webhook{}, errorFromStatus(ctx, err)
	}
	return webhookFromProto(p), nil
}

// ReportStatus tells a forge how the run for a commit stands.
func (c *Client) ReportStatus(ctx context.Context, r StatusReport) error {
	_, err := c.rpc.ReportStatus(ctx, statusReportToProto(r))
	return errorFromStatus(ctx, err)
}

// maxWebhookMessage is a message with the longest body and as much again in headers
// and options as anybody sends.
const maxWebhookMessage = MaxWebhook + 1<<20
