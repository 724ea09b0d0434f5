package sqlite

import (
	"context"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateExecution implements core.ExecutionStore.
func (s *Store) CreateExecution(ctx context.Context, e *core.Execution) error {
	stored := *e
	stored.Version = 1
	err := s.writer.do(ctx, true, func(t *tx) error {
		err := t.row("INSERT INTO counters (pipeline_id, last) VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",
			[]any{e.PipelineID}, &stored.Number)
		if err != nil {
			return err
		}
		document, err := encode(&stored)
		if err != nil {
			return err
		}
		err = t.exec("INSERT INTO executions (id, pipeline_id, status, version, doc) VALUES (?, ?, ?, 1, ?)",
			e.ID, e.PipelineID, e.Status, document)
		if taken(err) {
			return core.Conflict("execution", e.ID)
		}
		return err
	})
	if err == nil {
		e.Number, e.Version = stored.Number, 1
	}
	return err
}

// UpdateExecution implements core.ExecutionStore.
func (s *Store) UpdateExecution(ctx context.Context, e *core.Execution) error {
	stored := *e
	stored.Version++
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, false, func(t *tx) error {
		changed, err := t.change("UPDATE executions SET status = ?, version = ?, doc = ? WHERE id = ? AND version = ?",
			e.Status, stored.Version, document, e.ID, e.Version)
		if err == nil && changed == 0 {
			err = t.whyNot("SELECT count(*) FROM executions WHERE id = ?", "execution", e.ID)
		}
		return err
	})
	if err == nil {
		e.Version = stored.Version
	}
	return err
}

// Execution implements core.ExecutionStore.
func (s *Store) Execution(ctx context.Context, id string) (*core.Execution, error) {
	return one[core.Execution](ctx, s, core.NotFound("execution", id), "SELECT doc FROM executions WHERE id = ?", id)
}

// Executions implements core.ExecutionStore. Each of its forms walks an index.
func (s *Store) Executions(ctx context.Context, filter core.ExecutionFilter) ([]*core.Execution, error) {
	var where []string
	var args []any
	if filter.PipelineID != "" {
		where, args = append(where, "pipeline_id = ?"), append(args, filter.PipelineID)
	}
	if n := len(filter.Statuses); n > 0 {
		where = append(where, "status IN (?"+strings.Repeat(", ?", n-1)+")")
		for _, status := range filter.Statuses {
			args = append(args, string(status))
		}
	}
	if filter.Page.After != "" {
		where, args = append(where, "id < ?"), append(args, filter.Page.After)
	}
	query := "SELECT doc FROM executions"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	return many[core.Execution](ctx, s, query+" ORDER BY id DESC LIMIT ?", append(args, limitOf(filter.Page))...)
}

// SaveStepRun implements core.ExecutionStore.
func (s *Store) SaveStepRun(ctx context.Context, r *core.StepRun) error {
	stored := *r
	stored.Version++
	document, err := encode(&stored)
	if err != nil {
		return err
	}
	err = s.writer.do(ctx, false, func(t *tx) error {
		if r.Version == 0 {
			err := t.exec("INSERT INTO steps (execution_id, number, version, doc) VALUES (?, ?, 1, ?)", r.ExecutionID, r.Index, document)
			if taken(err) {
				return core.Conflict("step", r.Name)
			}
			return err
		}
		changed, err := t.change("UPDATE steps SET version = ?, doc = ? WHERE execution_id = ? AND number = ? AND version = ?",
			stored.Version, document, r.ExecutionID, r.Index, r.Version)
		if err == nil && changed == 0 {
			return core.Conflict("step", r.Name)
		}
		return err
	})
	if err == nil {
		r.Version = stored.Version
	}
	return err
}

// StepRuns implements core.ExecutionStore.
func (s *Store) StepRuns(ctx context.Context, executionID string) ([]*core.StepRun, error) {
	return many[core.StepRun](ctx, s, "SELECT doc FROM steps WHERE execution_id = ? ORDER BY number", executionID)
}
