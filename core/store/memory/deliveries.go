package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// delivery is a document with its body.
type delivery struct {
	document core.Delivery
	body     []byte
}

// senderKey is what is unique of a delivery besides its ID.
type senderKey struct{ scope, senderID string }

// CreateDelivery implements core.DeliveryStore.
func (s *Store) CreateDelivery(ctx context.Context, d *core.Delivery, body []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := senderKey{d.Scope(), d.SenderID}
	_, sameID := s.deliveries[d.ID]
	if _, same := s.senders[key]; same || sameID {
		return core.Conflict("delivery", d.SenderID)
	}
	d.Version = 1
	s.deliveries[d.ID] = delivery{document: copyDelivery(*d), body: slices.Clone(body)}
	s.senders[key] = d.ID
	return nil
}

// UpdateDelivery implements core.DeliveryStore.
func (s *Store) UpdateDelivery(ctx context.Context, d *core.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, found := s.deliveries[d.ID]
	switch {
	case !found:
		return core.NotFound("delivery", d.ID)
	case stored.document.Version != d.Version:
		return core.Conflict("delivery", d.ID)
	}
	d.Version++
	s.deliveries[d.ID] = delivery{document: copyDelivery(*d), body: stored.body}
	return nil
}

// Delivery implements core.DeliveryStore.
func (s *Store) Delivery(ctx context.Context, id string) (*core.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, found := s.deliveries[id]
	if !found {
		return nil, core.NotFound("delivery", id)
	}
	d := copyDelivery(stored.document)
	return &d, nil
}

// DeliveryBySender implements core.DeliveryStore.
func (s *Store) DeliveryBySender(ctx context.Context, scope, senderID string) (*core.Delivery, error) {
	s.mu.RLock()
	id, found := s.senders[senderKey{scope, senderID}]
	s.mu.RUnlock()
	if !found {
		return nil, core.NotFound("delivery", senderID)
	}
	return s.Delivery(ctx, id)
}

// DeliveryBody implements core.DeliveryStore.
func (s *Store) DeliveryBody(ctx context.Context, id string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, found := s.deliveries[id]
	if !found {
		return nil, core.NotFound("delivery", id)
	}
	return slices.Clone(stored.body), nil
}

// Deliveries implements core.DeliveryStore.
func (s *Store) Deliveries(ctx context.Context, filter core.DeliveryFilter) ([]*core.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	wanted := map[string]core.Delivery{}
	for id, stored := range s.deliveries {
		d := &stored.document
		if (filter.PipelineID == "" || slices.Contains(d.PipelineIDs(), filter.PipelineID)) &&
			(filter.PipelineID != "" || filter.Connector == "" || d.PipelineID == "" && d.Connector == filter.Connector) &&
			(filter.Status == "" || d.Status == filter.Status) {
			wanted[id] = *d
		}
	}
	return newest(wanted, filter.Page, copyDelivery), nil
}

// PruneDeliveries implements core.DeliveryStore.
func (s *Store) PruneDeliveries(ctx context.Context, bounds core.DeliveryBounds) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	removed, count, total := 0, map[bool]int{}, map[bool]int64{}
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(s.deliveries))) {
		d := s.deliveries[id].document
		refused := d.Status == core.DeliveryRefused
		most := bounds.Count
		if refused {
			most = bounds.Refused
		}
		count[refused]++
		total[refused] += d.Size
		fits := count[refused] <= most && total[refused] <= bounds.Bytes && !d.ReceivedAt.Before(bounds.Before)
		if fits || d.Status == core.DeliveryReceived {
			continue
		}
		delete(s.deliveries, id)
		delete(s.senders, senderKey{d.Scope(), d.SenderID})
		removed++
	}
	return removed, nil
}

func copyDelivery(d core.Delivery) core.Delivery {
	d.Headers, d.Targets = maps.Clone(d.Headers), slices.Clone(d.Targets)
	if d.Occurred = clone(d.Occurred); d.Occurred != nil {
		o := d.Occurred
		o.ChangedPaths, o.Variables, o.PullRequest = slices.Clone(o.ChangedPaths), maps.Clone(o.Variables), clone(o.PullRequest)
	}
	return d
}

var _ core.DeliveryStore = (*Store)(nil)
