package trigger

import (
	"context"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
)

// maxRevisions is how many specs are remembered.
const maxRevisions = 256

// revisions remembers the specs of revisions, which never change. It is safe for
// concurrent use.
type revisions struct {
	mu    sync.Mutex
	specs map[revisionKey]*core.Spec
}

type revisionKey struct {
	pipelineID string
	number     int
}

// spec is not to be changed.
func (s *Service) spec(ctx context.Context, pipelineID string, number int) (*core.Spec, error) {
	key := revisionKey{pipelineID, number}
	s.revisions.mu.Lock()
	spec := s.revisions.specs[key]
	s.revisions.mu.Unlock()
	if spec != nil {
		return spec, nil
	}
	revision, err := s.store.Revision(ctx, pipelineID, number)
	if err != nil {
		return nil, err
	}
	s.revisions.mu.Lock()
	defer s.revisions.mu.Unlock()
	for old := range s.revisions.specs {
		if len(s.revisions.specs) < maxRevisions {
			break
		}
		delete(s.revisions.specs, old)
	}
	s.revisions.specs[key] = revision.Spec
	return revision.Spec, nil
}

// priorityLimit bounds priorities both ways.
const priorityLimit = 100

// complete gives an execution what it has from its pipeline.
func complete(e *core.Execution, spec *core.Spec, priority int) error {
	e.Priority = max(-priorityLimit, min(priorityLimit, spec.Priority+priority))
	e.PipelineLimit = spec.MaxExecutions
	if spec.Concurrency == nil {
		return nil
	}
	group := *spec.Concurrency
	template, err := condition.ParseTemplate(group.Group)
	if err == nil {
		environment := map[string]string{}
		for _, layer := range []map[string]string{spec.Environment, e.Environment} {
			for name, value := range layer {
				environment[name] = value
			}
		}
		group.Group, err = template.Expand(condition.Variables{Branch: e.Trigger.Branch, Tag: e.Trigger.Tag, Event: string(e.Trigger.Type),
			Commit: e.Trigger.CommitHash, Repository: e.Trigger.Repository, Params: e.Params, Env: environment})
	}
	if err != nil {
		return core.Errorf(core.CodeInvalid, "the pipeline's concurrency group cannot be evaluated: %v", err)
	}
	e.Concurrency = &group
	return nil
}
