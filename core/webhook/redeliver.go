package webhook

import (
	"bytes"
	"context"
	"io"

	"github.com/patchbay-ci/patchbay/core"
)

// Redeliver implements core.Webhooks. The delivery is read anew, so that options and
// triggers count as they are now. It was verified when it came: it needs no signature.
func (s *Service) Redeliver(ctx context.Context, id, pipelineID, by string) (*core.Delivery, error) {
	old, err := s.Store.Delivery(ctx, id)
	if err != nil {
		return nil, err
	}
	if old.Status == core.DeliveryRefused {
		return nil, &core.Error{Code: core.CodeConflict, Message: "the delivery was refused, and is not kept",
			Suggestions: []string{"have its sender send it again, signed"}}
	}
	spec, err := s.spec(ctx, pipelineID)
	if err != nil {
		return nil, err
	}
	body, err := s.read(ctx, old)
	if err != nil {
		return nil, err
	}
	_, candidates := candidatesOf(spec, pipelineID, old.Connector)
	var groups []*group
	for _, c := range candidates {
		groups = append(groups, &group{connector: old.Connector, options: c.trigger.Config.Options, candidates: []candidate{c}})
	}
	if len(groups) == 0 {
		return nil, &core.Error{Code: core.CodeConflict, Message: "the pipeline has no trigger for deliveries of " + old.Connector}
	}
	in := core.IncomingDelivery{PipelineID: pipelineID, Headers: old.Headers, Body: body}
	v, err := s.judge(ctx, in, groups)
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	d := newDelivery(pipelineID, old.Connector, old.Headers, body)
	d.SenderID, d.RedeliveryOf, d.RedeliveredBy = d.ID, old.ID, by
	if d, _, err = s.keep(ctx, d, v, body); err != nil || d.Status != core.DeliveryReceived {
		return d, err
	}
	done, err := s.process(ctx, d, false)
	if err != nil {
		s.Logger.Error("what a delivery starts could not be created; trying again", "delivery", d.ID, "error", err)
		s.again()
	}
	return done, nil
}

func (s *Service) read(ctx context.Context, d *core.Delivery) ([]byte, error) {
	r, err := s.Body(ctx, d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, core.MaxDelivery))
}

// Body implements core.Webhooks.
func (s *Service) Body(ctx context.Context, d *core.Delivery) (io.ReadCloser, error) {
	if d.InBlob {
		return s.Blobs.Open(ctx, d.SHA256)
	}
	if d.Status == core.DeliveryRefused {
		return nil, core.Errorf(core.CodeNotFound, "the body of a delivery that was refused is not kept")
	}
	body, err := s.Store.DeliveryBody(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}
