package sqlite

import (
	"context"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateExecution implements core.ExecutionStore. The number comes from a counter in
// the same transaction: a refused execution uses none up, and none is used twice,
// also when the pipeline is deleted.
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

// UpdateExecution implements core.ExecutionStore. It is one conditional statement; e
// changes only when it was stored.
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

// Executions implements core.ExecutionStore.
func (s *Store) Executions(ctx context.Context, filter core.ExecutionFilter) ([]*core.Execution, error) {
	var statuses []core.Status
	for _, status := range core.Statuses() { // bounds the number of queries there are
		if slices.Contains(filter.Statuses, status) {
			statuses = append(statuses, status)
		}
	}
	if len(statuses) == 0 && len(filter.Statuses) > 0 {
		return []*core.Execution{}, nil // nothing has a status that is none
	}
	limit := limitOf(filter.Page)
	if len(statuses) <= 1 {
		where, args := conditions(filter, statuses)
		return many[core.Execution](ctx, s, "SELECT doc FROM executions"+where+" ORDER BY id DESC LIMIT ?", append(args, limit)...)
	}
	// One page of each status, each off an index, and of these the newest: however
	// many executions there are, it reads a few pages of them.
	var pages []string
	var args []any
	for i := range statuses {
		where, more := conditions(filter, statuses[i:i+1])
		pages = append(pages, "SELECT * FROM (SELECT id FROM executions"+where+" ORDER BY id DESC LIMIT ?)")
		args = append(append(args, more...), limit)
	}
	return many[core.Execution](ctx, s, "SELECT doc FROM executions WHERE id IN ("+strings.Join(pages, " UNION ALL ")+
		") ORDER BY id DESC LIMIT ?", append(args, limit)...)
}

// conditions is the WHERE clause for a page of one status or any. It fits an index
// that has the page in order.
func conditions(filter core.ExecutionFilter, status []core.Status) (where string, args []any) {
	var all []string
	if filter.PipelineID != "" {
		all, args = append(all, "pipeline_id = ?"), append(args, filter.PipelineID)
	}
	if len(status) > 0 {
		all, args = append(all, "status = ?"), append(args, string(status[0]))
	}
	if filter.Page.After != "" {
		all, args = append(all, "id < ?"), append(args, filter.Page.After)
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), args
}

// SaveStepRun implements core.ExecutionStore. It is not synced: when the machine fails,
// the step is joined again, or found to be lost, whatever was stored of it.
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
