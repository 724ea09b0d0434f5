package main

import (
	"context"

	"github.com/patchbay-ci/patchbay/core"
)

// watchedStore tells who keeps schedules of every pipeline that changes.
type watchedStore struct {
	core.Store
	changed func(pipelineID string)
}

// CreatePipeline implements core.PipelineStore.
func (w watchedStore) CreatePipeline(ctx context.Context, p *core.Pipeline, first *core.PipelineRevision) error {
	return w.tell(p.ID, w.Store.CreatePipeline(ctx, p, first))
}

// UpdatePipeline implements core.PipelineStore.
func (w watchedStore) UpdatePipeline(ctx context.Context, p *core.Pipeline, next *core.PipelineRevision) error {
	return w.tell(p.ID, w.Store.UpdatePipeline(ctx, p, next))
}

// DeletePipeline implements core.PipelineStore.
func (w watchedStore) DeletePipeline(ctx context.Context, id string) error {
	return w.tell(id, w.Store.DeletePipeline(ctx, id))
}

func (w watchedStore) tell(id string, err error) error {
	if err == nil {
		w.changed(id)
	}
	return err
}
