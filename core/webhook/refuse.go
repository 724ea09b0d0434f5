package webhook

import (
	"context"
	"sync"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// refuse keeps a note of what was not verified, for those who may read deliveries, and
// returns what the sender is told.
func (s *Service) refuse(ctx context.Context, in core.IncomingDelivery, connector string, err error) error {
	code := core.CodeOf(err)
	if code != core.CodeUnauthenticated && code != core.CodeInvalid {
		return err
	}
	s.note(ctx, in, connector, err)
	if code == core.CodeInvalid {
		return err
	}
	return &core.Error{Code: core.CodeUnauthenticated, Message: "the delivery is not accepted: it could not be verified", Err: err,
		Details: "The pipeline may be missing, have no trigger for such deliveries or no secret, or the signature is not right.",
		Suggestions: []string{
			"set the secret that the trigger names (" + core.DefaultWebhookSecret + " unless it says otherwise) to what the sender signs with: patchbay secret set",
			"patchbay webhook list says which of these it is",
		}}
}

// note stores a refused delivery without its body. What fails only fails a note.
func (s *Service) note(ctx context.Context, in core.IncomingDelivery, connector string, why error) {
	reason := why.Error()
	if e, ok := why.(*core.Error); ok {
		reason = e.Message
		if e.Details != "" {
			reason += ": " + e.Details
		}
	}
	s.Logger.Debug("a delivery was refused", "pipeline", in.PipelineID, "connector", connector, "reason", reason)
	if in.PipelineID != "" {
		if _, err := s.Store.Pipeline(ctx, in.PipelineID); err != nil {
			return
		}
	}
	if !s.refusals.take(time.Now()) {
		return // somebody tries very often: the list is not theirs to fill
	}
	d := newDelivery(in.PipelineID, connector, in.Headers, in.Body)
	d.SenderID, d.Status, d.Reason = d.ID, core.DeliveryRefused, line(reason)
	// Who is not known to be anybody gets no more than a line.
	for name, value := range d.Headers {
		d.Headers[name] = cut(value, 200)
	}
	if err := s.Store.CreateDelivery(ctx, d, nil); err != nil {
		s.Logger.Warn("a refused delivery could not be noted", "error", err)
	}
}

// notesPerMinute is how many refused deliveries are stored in a minute.
const notesPerMinute = 60

// allowance is how many notes there may still be. It is safe for concurrent use.
type allowance struct {
	mu    sync.Mutex
	since time.Time
	taken int
}

func (a *allowance) take(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.since) >= time.Minute {
		a.since, a.taken = now, 0
	}
	a.taken++
	return a.taken <= notesPerMinute
}
