package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Receive implements core.Webhooks.
func (s *Service) Receive(ctx context.Context, in core.IncomingDelivery) (*core.Delivery, bool, error) {
	connector, groups, missing, err := s.groups(ctx, in)
	if err != nil {
		return nil, false, err
	}
	if len(groups) == 0 {
		// What is not there takes as long, and says the same, as what is.
		groups = []*group{{connector: connector, secret: s.decoy}}
	}
	verdict, err := s.judge(ctx, in, groups)
	if err != nil {
		var refused *core.Error
		if errors.As(err, &refused) && refused.Code == core.CodeUnauthenticated && len(missing) > 0 {
			if groups[0].secret != s.decoy {
				missing = append(missing, refused.Message)
			}
			err = core.Errorf(core.CodeUnauthenticated, "%s", strings.Join(missing, "; "))
		}
		return nil, false, s.refuse(ctx, in, connector, err)
	}
	// From here on the sender's patience counts no more: what is verified is dealt with.
	ctx = context.WithoutCancel(ctx)
	d := newDelivery(in.PipelineID, connector, in.Headers, in.Body)
	d.SenderID = senderID(verdict.said.DeliveryID)
	if d.SenderID == "" {
		d.SenderID = d.ID
	}
	first, again, err := s.keep(ctx, d, verdict, in.Body)
	if err != nil {
		return nil, false, err
	}
	if first.Status == core.DeliveryReceived {
		if first, err = s.process(ctx, first, again); err != nil {
			// It is stored, and Run creates what is missing.
			s.Logger.Error("what a delivery starts could not be created; trying again", "delivery", d.ID, "error", err)
			s.again()
		}
	}
	return first, again, nil
}

// verdict is what a delivery says and which candidates it starts.
type verdict struct {
	said    *parsed
	targets []core.DeliveryTarget
	// reason says why there are no targets.
	reason string
}

// judge has the delivery verified for each group, until one starts something. The error
// is that of the last group when none verified it.
func (s *Service) judge(ctx context.Context, in core.IncomingDelivery, groups []*group) (*verdict, error) {
	var best *verdict
	var refused error
	for _, g := range groups {
		said, err := s.parse(ctx, g.connector, sdk.WebhookRequest{Headers: in.Headers, Body: in.Body, Secret: g.secret, Config: g.options})
		switch code := core.CodeOf(err); {
		case code == core.CodeUnauthenticated && refused != nil:
			continue
		case code == core.CodeUnauthenticated || code == core.CodeInvalid:
			refused = err
			continue
		case err != nil:
			return nil, err
		}
		v := evaluate(said, g.candidates, in.PipelineID == "")
		switch {
		case best == nil || len(best.targets) == 0 && len(v.targets) > 0:
			best = v
		case len(v.targets) > 0: // at a connector's address, pipelines with other secrets
			best.add(v.targets)
		}
		if in.PipelineID != "" && len(v.targets) > 0 {
			break
		}
	}
	if best == nil {
		return nil, refused
	}
	return best, nil
}

// add takes more targets, each pipeline once.
func (v *verdict) add(targets []core.DeliveryTarget) {
next:
	for _, t := range targets {
		for i := range v.targets {
			if v.targets[i].PipelineID == t.PipelineID {
				continue next
			}
		}
		v.targets = append(v.targets, t)
	}
}

func newDelivery(pipelineID, connector string, headers map[string]string, body []byte) *core.Delivery {
	sum := sha256.Sum256(body)
	return &core.Delivery{ID: uuid.Must(uuid.NewV7()).String(), PipelineID: pipelineID, Connector: connector, Headers: shown(headers),
		Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:]), ReceivedAt: time.Now().UTC().Truncate(time.Microsecond)}
}

// keep stores a delivery with what is decided about it. When it was there before, that
// one is returned.
func (s *Service) keep(ctx context.Context, d *core.Delivery, v *verdict, body []byte) (stored *core.Delivery, again bool, err error) {
	d.Event, d.Occurred = line(v.said.Event), v.said.event
	d.Status, d.Reason, d.Targets = core.DeliveryIgnored, v.reason, v.targets
	if len(v.targets) > 0 {
		d.Status = core.DeliveryReceived
	}
	for i := range d.Targets {
		if d.Targets[i].ExecutionID, err = executionID(d.ID, d.Targets[i].PipelineID); err != nil {
			return nil, false, err
		}
	}
	if len(body) > inlineBody {
		if _, _, err := s.Blobs.Put(ctx, bytes.NewReader(body), core.MaxDelivery); err != nil {
			return nil, false, fmt.Errorf("store the body of a delivery: %w", err)
		}
		d.InBlob, body = true, nil
	}
	err = s.Store.CreateDelivery(ctx, d, body)
	if core.CodeOf(err) == core.CodeConflict {
		first, err := s.Store.DeliveryBySender(ctx, d.Scope(), d.SenderID)
		return first, true, err
	}
	return d, false, err
}

// executionID derives the ID of the execution that a delivery starts in a pipeline. It
// is a UUIDv7 (RFC 9562) of the time of the delivery, so that lists stay in order.
func executionID(deliveryID, pipelineID string) (string, error) {
	delivery, err := uuid.Parse(deliveryID)
	if err != nil {
		return "", fmt.Errorf("the ID of a delivery: %w", err)
	}
	sum := sha256.Sum256([]byte("execution\x00" + deliveryID + "\x00" + pipelineID))
	var id uuid.UUID
	copy(id[:], sum[:])
	copy(id[:6], delivery[:6])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id.String(), nil
}
