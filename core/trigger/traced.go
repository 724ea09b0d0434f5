package trigger

import (
	"context"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
)

// Traced is a Service that makes a span of each trigger, which the execution goes on
// below, and a line in the log with the request that it came from.
type Traced struct {
	Service *Service
	Tracer  core.Tracer
	Logger  hclog.Logger
}

var (
	_ core.Triggerer = (*Traced)(nil)
	_ core.Retrier   = (*Traced)(nil)
)

// Trigger implements core.Triggerer.
func (t *Traced) Trigger(ctx context.Context, request core.TriggerRequest) (*core.Execution, error) {
	return t.trace(ctx, "trigger", core.SpanAttribute{Name: "patchbay.pipeline.id", Value: request.PipelineID}, func(ctx context.Context) (*core.Execution, error) {
		return t.Service.Trigger(ctx, request)
	})
}

// Retry implements core.Retrier.
func (t *Traced) Retry(ctx context.Context, request core.RetryRequest) (*core.Execution, error) {
	return t.trace(ctx, "retry", core.SpanAttribute{Name: "patchbay.retry.of", Value: request.ExecutionID}, func(ctx context.Context) (*core.Execution, error) {
		return t.Service.Retry(ctx, request)
	})
}

func (t *Traced) trace(ctx context.Context, name string, about core.SpanAttribute, do func(context.Context) (*core.Execution, error)) (*core.Execution, error) {
	ctx, span := t.Tracer.StartSpan(ctx, core.SpanStart{Name: name, Kind: core.SpanProducer, Attributes: []core.SpanAttribute{about}})
	defer span.End()
	e, err := do(ctx)
	if err != nil {
		span.Fail(string(core.CodeOf(err)))
		return nil, err
	}
	span.Set(core.SpanAttribute{Name: "cicd.pipeline.run.id", Value: e.ID}, core.SpanAttribute{Name: "cicd.pipeline.name", Value: e.PipelineName},
		core.SpanAttribute{Name: "patchbay.trigger.type", Value: string(e.Trigger.Type)})
	fields := []any{"execution", e.ID, "pipeline", e.PipelineID, "number", e.Number, "type", string(e.Trigger.Type)}
	if id := core.RequestID(ctx); id != "" {
		fields = append(fields, "request_id", id)
	}
	t.Logger.Info("triggered", fields...)
	return e, nil
}
