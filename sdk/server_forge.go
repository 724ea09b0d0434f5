package sdk

import (
	"context"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// PlanStep passes on to a Planner.
func (s *server) PlanStep(ctx context.Context, r *connectorv1.PlanStepRequest) (*connectorv1.PlanStepResponse, error) {
	c, ok := s.connector.(Planner)
	if !ok {
		return nil, unannounced("PlanStep")
	}
	var plan Plan
	err := s.call("PlanStep", func() (err error) {
		plan, err = c.PlanStep(ctx, PlanRequest{Step: stepFromProto(r.GetStep())})
		return err
	})
	if err != nil {
		return nil, err
	}
	return planToProto(plan), nil
}

// ParseWebhook passes on to a WebhookParser.
func (s *server) ParseWebhook(ctx context.Context, r *connectorv1.ParseWebhookRequest) (*connectorv1.ParseWebhookResponse, error) {
	c, ok := s.connector.(WebhookParser)
	if !ok {
		return nil, unannounced("ParseWebhook")
	}
	var webhook Webhook
	err := s.call("ParseWebhook", func() (err error) {
		webhook, err = c.ParseWebhook(ctx, webhookRequestFromProto(r))
		return err
	})
	if err != nil {
		return nil, err
	}
	return webhookToProto(webhook), nil
}

// ReportStatus passes on to a StatusReporter.
func (s *server) ReportStatus(ctx context.Context, r *connectorv1.ReportStatusRequest) (*connectorv1.ReportStatusResponse, error) {
	c, ok := s.connector.(StatusReporter)
	if !ok {
		return nil, unannounced("ReportStatus")
	}
	err := s.call("ReportStatus", func() error {
		return c.ReportStatus(ctx, statusReportFromProto(r))
	})
	if err != nil {
		return nil, err
	}
	return &connectorv1.ReportStatusResponse{}, nil
}
