package memory

import (
	"context"
	"slices"

	"github.com/patchbay-ci/patchbay/core"
)

// CreatePipeline implements core.PipelineStore.
func (s *Store) CreatePipeline(ctx context.Context, p *core.Pipeline, first *core.PipelineRevision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.pipelines[p.ID]; there {
		return core.Conflict("pipeline", p.ID)
	}
	if len(s.revisions[p.ID]) > 0 { // of a deleted pipeline that has executions
		return core.Conflict("pipeline", p.ID)
	}
	p.Version = 1
	s.pipelines[p.ID] = *p
	s.revisions[p.ID] = []core.PipelineRevision{copyRevision(*first)}
	return nil
}

// UpdatePipeline implements core.PipelineStore.
func (s *Store) UpdatePipeline(ctx context.Context, p *core.Pipeline, next *core.PipelineRevision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, found := s.pipelines[p.ID]
	switch {
	case !found:
		return core.NotFound("pipeline", p.ID)
	case stored.Version != p.Version:
		return core.Conflict("pipeline", p.ID)
	}
	if next != nil {
		if s.revision(p.ID, next.Number) != nil {
			return core.Conflict("pipeline", p.ID)
		}
		s.revisions[p.ID] = append(s.revisions[p.ID], copyRevision(*next))
	}
	p.Version++
	s.pipelines[p.ID] = *p
	return nil
}

// DeletePipeline implements core.PipelineStore.
func (s *Store) DeletePipeline(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.pipelines[id]; !found {
		return core.NotFound("pipeline", id)
	}
	delete(s.pipelines, id)
	if s.numbers[id] == 0 { // no execution names its revisions
		delete(s.revisions, id)
	}
	return nil
}

// Pipeline implements core.PipelineStore.
func (s *Store) Pipeline(ctx context.Context, id string) (*core.Pipeline, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, found := s.pipelines[id]
	if !found {
		return nil, core.NotFound("pipeline", id)
	}
	return &p, nil
}

// Pipelines implements core.PipelineStore.
func (s *Store) Pipelines(ctx context.Context, p core.Page) ([]*core.Pipeline, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := make([]string, 0, len(s.pipelines))
	for id := range s.pipelines {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	list := []*core.Pipeline{}
	for _, id := range page(ids, p, func(string) bool { return true }) {
		found := s.pipelines[id]
		list = append(list, &found)
	}
	return list, nil
}

// Revision implements core.PipelineStore.
func (s *Store) Revision(ctx context.Context, pipelineID string, number int) (*core.PipelineRevision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.revision(pipelineID, number); r != nil {
		found := copyRevision(*r)
		return &found, nil
	}
	return nil, core.NotFound("revision of pipeline", pipelineID)
}

func (s *Store) revision(pipelineID string, number int) *core.PipelineRevision {
	for i := range s.revisions[pipelineID] {
		if r := &s.revisions[pipelineID][i]; r.Number == number {
			return r
		}
	}
	return nil
}

// Revisions implements core.PipelineStore.
func (s *Store) Revisions(ctx context.Context, pipelineID string) ([]*core.PipelineRevision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []*core.PipelineRevision{}
	for _, r := range slices.Backward(s.revisions[pipelineID]) {
		list = append(list, &core.PipelineRevision{PipelineID: r.PipelineID, Number: r.Number, CreatedAt: r.CreatedAt})
	}
	return list, nil
}
