package sqlite

import (
	"context"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// CreatePipeline implements core.PipelineStore.
func (s *Store) CreatePipeline(ctx context.Context, p *core.Pipeline, first *core.PipelineRevision) error {
	stored := *p
	stored.Version = 1
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, true, func(t *tx) error {
		err := t.exec("INSERT INTO pipelines (id, version, doc) VALUES (?, 1, ?)", p.ID, document)
		if taken(err) {
			return core.Conflict("pipeline", p.ID)
		}
		if err != nil {
			return err
		}
		return insertRevision(t, first)
	})
	if err == nil {
		p.Version = 1
	}
	return err
}

func insertRevision(t *tx, r *core.PipelineRevision) error {
	document, err := encode(r)
	if err != nil {
		return err
	}
	err = t.exec("INSERT INTO revisions (pipeline_id, number, created_at, doc) VALUES (?, ?, ?, ?)",
		r.PipelineID, r.Number, r.CreatedAt.UTC().Format(time.RFC3339Nano), document)
	if taken(err) {
		return core.Conflict("pipeline", r.PipelineID)
	}
	return err
}

// UpdatePipeline implements core.PipelineStore.
func (s *Store) UpdatePipeline(ctx context.Context, p *core.Pipeline, next *core.PipelineRevision) error {
	stored := *p
	stored.Version++
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, true, func(t *tx) error {
		changed, err := t.change("UPDATE pipelines SET version = ?, doc = ? WHERE id = ? AND version = ?", stored.Version, document, p.ID, p.Version)
		if err != nil {
			return err
		}
		if changed == 0 {
			return t.whyNot("SELECT count(*) FROM pipelines WHERE id = ?", "pipeline", p.ID)
		}
		if next == nil {
			return nil
		}
		return insertRevision(t, next)
	})
	if err == nil {
		p.Version = stored.Version
	}
	return err
}

// whyNot tells an update that found nothing from one that came too late.
func (t *tx) whyNot(count, noun, id string) error {
	var there int
	if err := t.row(count, []any{id}, &there); err != nil {
		return err
	}
	if there == 0 {
		return core.NotFound(noun, id)
	}
	return core.Conflict(noun, id)
}

// DeletePipeline implements core.PipelineStore.
func (s *Store) DeletePipeline(ctx context.Context, id string) error {
	return s.writer.do(ctx, true, func(t *tx) error {
		changed, err := t.change("DELETE FROM pipelines WHERE id = ?", id)
		if err != nil {
			return err
		}
		if changed == 0 {
			return core.NotFound("pipeline", id)
		}
		return t.exec("DELETE FROM revisions WHERE pipeline_id = ?1 AND NOT EXISTS (SELECT 1 FROM executions WHERE pipeline_id = ?1)", id)
	})
}

// Pipeline implements core.PipelineStore.
func (s *Store) Pipeline(ctx context.Context, id string) (*core.Pipeline, error) {
	return one[core.Pipeline](ctx, s, core.NotFound("pipeline", id), "SELECT doc FROM pipelines WHERE id = ?", id)
}

// Pipelines implements core.PipelineStore.
func (s *Store) Pipelines(ctx context.Context, p core.Page) ([]*core.Pipeline, error) {
	if p.After == "" {
		return many[core.Pipeline](ctx, s, "SELECT doc FROM pipelines ORDER BY id DESC LIMIT ?", limitOf(p))
	}
	return many[core.Pipeline](ctx, s, "SELECT doc FROM pipelines WHERE id < ? ORDER BY id DESC LIMIT ?", p.After, limitOf(p))
}

// Revision implements core.PipelineStore.
func (s *Store) Revision(ctx context.Context, pipelineID string, number int) (*core.PipelineRevision, error) {
	return one[core.PipelineRevision](ctx, s, core.NotFound("revision of pipeline", pipelineID),
		"SELECT doc FROM revisions WHERE pipeline_id = ? AND number = ?", pipelineID, number)
}

// Revisions implements core.PipelineStore.
func (s *Store) Revisions(ctx context.Context, pipelineID string) ([]*core.PipelineRevision, error) {
	rows, err := s.reads.rows(ctx, "SELECT number, created_at FROM revisions WHERE pipeline_id = ? ORDER BY number DESC", []any{pipelineID})
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	list := []*core.PipelineRevision{}
	for rows.Next() {
		r := &core.PipelineRevision{PipelineID: pipelineID}
		var at string
		if err := rows.Scan(&r.Number, &at); err != nil {
			return nil, translate(err)
		}
		if r.CreatedAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return nil, &core.Error{Code: core.CodeInternal, Message: "a stored time cannot be read", Err: err}
		}
		list = append(list, r)
	}
	return list, translate(rows.Err())
}
