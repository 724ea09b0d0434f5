package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// CreateExecution implements core.ExecutionStore.
func (s *Store) CreateExecution(ctx context.Context, e *core.Execution) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.executions[e.ID]; there {
		return core.Conflict("execution", e.ID)
	}
	s.numbers[e.PipelineID]++
	e.Number, e.Version = s.numbers[e.PipelineID], 1
	s.executions[e.ID] = copyExecution(*e)
	// IDs are made in order, nearly: this is an append, or close to the end.
	at, _ := slices.BinarySearch(s.order, e.ID)
	s.order = slices.Insert(s.order, at, e.ID)
	return nil
}

// UpdateExecution implements core.ExecutionStore.
func (s *Store) UpdateExecution(ctx context.Context, e *core.Execution) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, found := s.executions[e.ID]
	switch {
	case !found:
		return core.NotFound("execution", e.ID)
	case stored.Version != e.Version:
		return core.Conflict("execution", e.ID)
	}
	e.Version++
	s.executions[e.ID] = copyExecution(*e)
	return nil
}

// Execution implements core.ExecutionStore.
func (s *Store) Execution(ctx context.Context, id string) (*core.Execution, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	stored, found := s.executions[id]
	if !found {
		return nil, core.NotFound("execution", id)
	}
	e := copyExecution(stored)
	return &e, nil
}

// Executions implements core.ExecutionStore.
func (s *Store) Executions(ctx context.Context, filter core.ExecutionFilter) ([]*core.Execution, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	wanted := func(id string) bool {
		e := s.executions[id]
		return (filter.PipelineID == "" || e.PipelineID == filter.PipelineID) &&
			(len(filter.Statuses) == 0 || slices.Contains(filter.Statuses, e.Status))
	}
	list := []*core.Execution{}
	for _, id := range page(s.order, filter.Page, wanted) {
		e := copyExecution(s.executions[id])
		list = append(list, &e)
	}
	return list, nil
}

// SaveStepRun implements core.ExecutionStore.
func (s *Store) SaveStepRun(ctx context.Context, r *core.StepRun) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := s.steps[r.ExecutionID]
	if steps == nil {
		steps = map[int]core.StepRun{}
		s.steps[r.ExecutionID] = steps
	}
	if steps[r.Index].Version != r.Version { // 0 when there is none
		return core.Conflict("step", r.Name)
	}
	r.Version++
	steps[r.Index] = copyStepRun(*r)
	return nil
}

// StepRuns implements core.ExecutionStore.
func (s *Store) StepRuns(ctx context.Context, executionID string) ([]*core.StepRun, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*core.StepRun{}
	for _, index := range slices.Sorted(maps.Keys(s.steps[executionID])) {
		r := copyStepRun(s.steps[executionID][index])
		list = append(list, &r)
	}
	return list, nil
}
