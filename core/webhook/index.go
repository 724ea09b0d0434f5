package webhook

import (
	"context"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// maxSpecs is how many specs are remembered.
const maxSpecs = 256

// specs remembers what pipelines say now. It is safe for concurrent use.
type specs struct {
	mu    sync.Mutex
	known map[string]*core.Spec
	// changes counts calls of forget: what was read before one may be old.
	changes int64
}

func (k *specs) forget(pipelineID string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, pipelineID)
	k.changes++
}

func (k *specs) get(pipelineID string) (spec *core.Spec, changes int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known[pipelineID], k.changes
}

func (k *specs) put(pipelineID string, spec *core.Spec, changes int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.changes != changes {
		return
	}
	if len(k.known) >= maxSpecs {
		clear(k.known)
	}
	k.known[pipelineID] = spec
}

// spec returns what a pipeline says now. It is not to be changed.
func (s *Service) spec(ctx context.Context, pipelineID string) (*core.Spec, error) {
	known, changes := s.specs.get(pipelineID)
	if known != nil {
		return known, nil
	}
	p, err := s.Store.Pipeline(ctx, pipelineID)
	if err != nil {
		return nil, err
	}
	revision, err := s.Store.Revision(ctx, p.ID, p.Revision)
	if err != nil {
		return nil, err
	}
	s.specs.put(pipelineID, revision.Spec, changes)
	return revision.Spec, nil
}

// index has the triggers of all pipelines that may be reached at a connector's address:
// those that name a repository, take signed deliveries, and need no options. It is
// filled at the first delivery, and safe for concurrent use.
type index struct {
	mu        sync.Mutex
	loaded    bool
	pipelines map[string]indexed
	changed   map[string]bool
}

type indexed struct {
	pipelineID string
	triggers   []core.Trigger
}

func (x *index) touch(pipelineID string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.loaded {
		x.changed[pipelineID] = true
	}
}

// central lists the indexed pipelines. What was changed before the call is seen.
func (s *Service) central(ctx context.Context) ([]indexed, error) {
	x := &s.index
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.loaded {
		if err := s.loadIndex(ctx); err != nil {
			return nil, err
		}
		x.loaded = true
	}
	for id := range x.changed {
		p, err := s.Store.Pipeline(ctx, id)
		switch {
		case core.CodeOf(err) == core.CodeNotFound:
			delete(x.pipelines, id)
		case err != nil:
			return nil, err
		default:
			if err := s.indexPipeline(ctx, p); err != nil {
				return nil, err
			}
		}
		delete(x.changed, id)
	}
	list := make([]indexed, 0, len(x.pipelines))
	for _, p := range x.pipelines {
		list = append(list, p)
	}
	return list, nil
}

func (s *Service) loadIndex(ctx context.Context) error {
	page := core.Page{Limit: core.MaxPageLimit}
	for {
		list, err := s.Store.Pipelines(ctx, page)
		if err != nil {
			return err
		}
		for _, p := range list {
			if err := s.indexPipeline(ctx, p); err != nil {
				return err
			}
		}
		if len(list) < page.Limit {
			return nil
		}
		page.After = list[len(list)-1].ID
	}
}

// indexPipeline reads a pipeline's triggers anew. The caller holds the lock.
func (s *Service) indexPipeline(ctx context.Context, p *core.Pipeline) error {
	revision, err := s.Store.Revision(ctx, p.ID, p.Revision)
	if err != nil {
		return err
	}
	delete(s.index.pipelines, p.ID)
	entry := indexed{pipelineID: p.ID}
	for _, t := range revision.Spec.Triggers {
		if t.Type.Delivered() && t.Config.Repository != "" && !t.Config.AllowUnsigned && len(t.Config.Options) == 0 {
			entry.triggers = append(entry.triggers, t)
		}
	}
	if len(entry.triggers) > 0 {
		s.index.pipelines[p.ID] = entry
	}
	return nil
}
