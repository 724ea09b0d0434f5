package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateDelivery implements core.DeliveryStore. Deliveries that come at the same time
// share a transaction, and so a sync.
func (s *Store) CreateDelivery(ctx context.Context, d *core.Delivery, body []byte) error {
	stored := *d
	stored.Version = 1
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	blob := sql.NullString{String: d.SHA256, Valid: d.InBlob}
	err = s.writer.do(ctx, d.Status != core.DeliveryRefused, func(t *tx) error {
		err := t.exec(`INSERT INTO deliveries (id, scope, sender_id, status, received_at, size, blob, version, doc, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)`,
			d.ID, d.Scope(), d.SenderID, d.Status, d.ReceivedAt.UnixMicro(), d.Size, blob, document, body)
		if taken(err) {
			return core.Conflict("delivery", d.SenderID)
		}
		return errors.Join(err, t.indexDelivery(d))
	})
	if err == nil {
		d.Version = 1
	}
	return err
}

// indexDelivery puts the delivery into the lists that it belongs to.
func (t *tx) indexDelivery(d *core.Delivery) error {
	for _, place := range append(d.PipelineIDs(), d.Scope()) {
		if err := t.exec("INSERT OR IGNORE INTO delivery_places (place, delivery_id) VALUES (?, ?)", place, d.ID); err != nil {
			return err
		}
	}
	return nil
}

// UpdateDelivery implements core.DeliveryStore. It is not synced: after a power failure
// the delivery is one that was received, and what it starts is there or is made.
func (s *Store) UpdateDelivery(ctx context.Context, d *core.Delivery) error {
	stored := *d
	stored.Version++
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, false, func(t *tx) error {
		changed, err := t.change("UPDATE deliveries SET status = ?, version = ?, doc = ? WHERE id = ? AND version = ?",
			d.Status, stored.Version, document, d.ID, d.Version)
		if err == nil && changed == 0 {
			err = t.whyNot("SELECT count(*) FROM deliveries WHERE id = ?", "delivery", d.ID)
		}
		if err != nil {
			return err
		}
		return t.indexDelivery(d)
	})
	if err == nil {
		d.Version = stored.Version
	}
	return err
}

// Delivery implements core.DeliveryStore.
func (s *Store) Delivery(ctx context.Context, id string) (*core.Delivery, error) {
	return one[core.Delivery](ctx, s, core.NotFound("delivery", id), "SELECT doc FROM deliveries WHERE id = ?", id)
}

// DeliveryBySender implements core.DeliveryStore.
func (s *Store) DeliveryBySender(ctx context.Context, scope, senderID string) (*core.Delivery, error) {
	return one[core.Delivery](ctx, s, core.NotFound("delivery", senderID),
		"SELECT doc FROM deliveries WHERE scope = ? AND sender_id = ?", scope, senderID)
}

// DeliveryBody implements core.DeliveryStore.
func (s *Store) DeliveryBody(ctx context.Context, id string) ([]byte, error) {
	var body []byte
	err := s.reads.row(ctx, "SELECT body FROM deliveries WHERE id = ?", []any{id}, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, core.NotFound("delivery", id)
	}
	return body, translate(err)
}

// Deliveries implements core.DeliveryStore.
func (s *Store) Deliveries(ctx context.Context, filter core.DeliveryFilter) ([]*core.Delivery, error) {
	query, args := "SELECT d.doc FROM deliveries d WHERE d.id < ?", []any{before(filter.Page)}
	order, place := "d.id", filter.PipelineID
	if place == "" && filter.Connector != "" {
		place = (&core.Delivery{Connector: filter.Connector}).Scope()
	}
	if place != "" {
		query = "SELECT d.doc FROM delivery_places p JOIN deliveries d ON d.id = p.delivery_id WHERE p.delivery_id < ? AND p.place = ?"
		args, order = append(args, place), "p.delivery_id"
	}
	if filter.Status != "" {
		query, args = query+" AND d.status = ?", append(args, filter.Status)
	}
	return many[core.Delivery](ctx, s, query+" ORDER BY "+order+" DESC LIMIT ?", append(args, limitOf(filter.Page))...)
}

// pruneAtOnce is how many deliveries one transaction removes: others wait for it.
const pruneAtOnce = 500

// PruneDeliveries implements core.DeliveryStore.
func (s *Store) PruneDeliveries(ctx context.Context, bounds core.DeliveryBounds) (int, error) {
	// The oldest of the newest that fit, for those that were verified and the others.
	const last = `SELECT coalesce(max(id), '') FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS n,
		sum(size) OVER (ORDER BY id DESC) AS total FROM deliveries WHERE (status = 'refused') = ?) WHERE n > ? OR total > ?`
	var verified, refused string
	err := s.reads.row(ctx, last, []any{false, bounds.Count, bounds.Bytes}, &verified)
	if err == nil {
		err = s.reads.row(ctx, last, []any{true, bounds.Refused, bounds.Bytes}, &refused)
	}
	if err != nil {
		return 0, translate(err)
	}
	const out = `SELECT id FROM deliveries WHERE status != 'received' AND
		(received_at < ? OR id <= CASE status WHEN 'refused' THEN ? ELSE ? END) ORDER BY id LIMIT ?`
	args := []any{bounds.Before.UnixMicro(), refused, verified, pruneAtOnce}
	for removed := 0; ; {
		var n int64
		err := s.writer.do(ctx, false, func(t *tx) (err error) {
			if err := t.exec("DELETE FROM delivery_places WHERE delivery_id IN ("+out+")", args...); err != nil {
				return err
			}
			n, err = t.change("DELETE FROM deliveries WHERE id IN ("+out+")", args...)
			return err
		})
		if removed += int(n); err != nil || n < pruneAtOnce {
			return removed, err
		}
	}
}

var _ core.DeliveryStore = (*Store)(nil)
