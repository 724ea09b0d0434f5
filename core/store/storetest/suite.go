// Package storetest has the one suite that every core.Store passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/patchbay-ci/patchbay/core"
)

// Run checks that the stores that open makes, each empty, keep core.Store's promises.
func Run(t *testing.T, open func(t *testing.T) core.Store) {
	t.Helper()
	suite := map[string]func(*testing.T, core.Store){
		"pipelines":           pipelines,
		"pipeline updates":    pipelineUpdates,
		"revisions":           revisions,
		"executions":          executions,
		"numbers":             numbers,
		"filters and pages":   filtersAndPages,
		"one of many wins":    oneOfManyWins,
		"step runs":           stepRuns,
		"documents are whole": wholeDocuments,
		"every field":         everyField,
		"own copies":          ownCopies,
		"page bounds":         pageBounds,
		"times":               times,
		"tokens":              tokens,
		"secrets":             secrets,
		"settings":            settings,
		"artifacts":           artifacts,
		"expired artifacts":   expiredArtifacts,
		"caches":              caches,
		"cache prefixes":      cachePrefixes,
		"caches by use":       cachesByUse,
		"many of each":        manyOfEach,
		"blobs in use":        blobsInUse,
		"one artifact a name": oneArtifactAName,
		"nothing there":       nothingThere,
		"cancelled":           cancelled,
	}
	maps.Copy(suite, accessSuite())
	maps.Copy(suite, deliverySuite())
	maps.Copy(suite, keyedSuite())
	maps.Copy(suite, notificationSuite())
	maps.Copy(suite, deploymentSuite())
	for name, test := range suite {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			if err := s.Ping(t.Context()); err != nil || s.Kind() == "" {
				t.Fatalf("ping of %q: %v", s.Kind(), err)
			}
			test(t, s)
		})
	}
}

// RunDurable checks that what was written is there when the same store is opened
// again. Each call of open closes what the one before has opened.
func RunDurable(t *testing.T, open func(t *testing.T) core.Store) {
	t.Helper()
	s := open(t)
	p, r := newPipeline("kept")
	must(t, s.CreatePipeline(t.Context(), p, r))
	e := newExecution(p)
	must(t, s.CreateExecution(t.Context(), e))
	step := &core.StepRun{ExecutionID: e.ID, Index: 3, Name: "n", Status: core.StatusRunning}
	must(t, s.SaveStepRun(t.Context(), step))
	token := filled[core.Token](t)
	must(t, s.CreateToken(t.Context(), token))
	gone, goneRevision := newPipeline("gone")
	must(t, s.CreatePipeline(t.Context(), gone, goneRevision))
	must(t, s.DeletePipeline(t.Context(), gone.ID))
	stale := *e
	must(t, s.UpdateExecution(t.Context(), e))
	checkKept := keepSmall(t, s)

	s = open(t)
	checkKept(s)
	refused(t, core.CodeConflict, s.UpdateExecution(t.Context(), &stale))
	list, err := s.Pipelines(t.Context(), core.Page{})
	must(t, err)
	same(t, []*core.Pipeline{p}, list)
	revision, err := s.Revision(t.Context(), p.ID, 1)
	must(t, err)
	same(t, r, revision)
	let, err := s.TokenByHash(t.Context(), token.Hash)
	must(t, err)
	same(t, token, let)
	got, err := s.Execution(t.Context(), e.ID)
	must(t, err)
	same(t, e, got)
	steps, err := s.StepRuns(t.Context(), e.ID)
	must(t, err)
	same(t, []*core.StepRun{step}, steps)
	second := newExecution(p)
	must(t, s.CreateExecution(t.Context(), second))
	if second.Number != 2 {
		t.Errorf("numbers went back to %d", second.Number)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func refused(t *testing.T, code core.ErrorCode, err error) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

// NewID makes IDs that sort in the order in which they were made.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// moment is a time that survives every store: UTC, microseconds.
func moment() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func newPipeline(name string) (*core.Pipeline, *core.PipelineRevision) {
	p := &core.Pipeline{ID: newID(), Name: name, Revision: 1, CreatedAt: moment(), UpdatedAt: moment()}
	return p, &core.PipelineRevision{PipelineID: p.ID, Number: 1, YAML: "name: " + name, CreatedAt: p.CreatedAt,
		Spec: &core.Spec{Name: name, Stages: []core.Stage{{Name: "s"}}}}
}

func newExecution(p *core.Pipeline) *core.Execution {
	return &core.Execution{ID: newID(), PipelineID: p.ID, PipelineName: p.Name, Revision: p.Revision, Status: core.StatusPending,
		Trigger: core.TriggerInfo{Type: core.TriggerManual, Branch: "main"}, CreatedAt: moment(), UpdatedAt: moment()}
}

func nothingThere(t *testing.T, s core.Store) {
	ctx := t.Context()
	_, err := s.Pipeline(ctx, "none")
	refused(t, core.CodeNotFound, err)
	_, err = s.Revision(ctx, "none", 1)
	refused(t, core.CodeNotFound, err)
	_, err = s.Execution(ctx, "none")
	refused(t, core.CodeNotFound, err)
	_, err = s.TokenByHash(ctx, "none")
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.DeletePipeline(ctx, "none"))
	refused(t, core.CodeNotFound, s.UpdatePipeline(ctx, &core.Pipeline{ID: "none", Version: 1}, nil))
	refused(t, core.CodeNotFound, s.UpdateExecution(ctx, &core.Execution{ID: "none", Version: 1}))
	nothingSmallThere(t, s)
	steps, err := s.StepRuns(ctx, "none")
	must(t, err)
	list, err := s.Executions(ctx, core.ExecutionFilter{})
	must(t, err)
	all, err := s.Pipelines(ctx, core.Page{})
	must(t, err)
	if steps == nil || list == nil || all == nil || len(steps)+len(list)+len(all) != 0 {
		t.Errorf("empty lists are empty, not nil: %v %v %v", steps, list, all)
	}
}

func cancelled(t *testing.T, s core.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, r := newPipeline("p")
	if err := s.CreatePipeline(ctx, p, r); !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v", err)
	}
	if _, err := s.Pipeline(ctx, p.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	_, err := s.Pipeline(t.Context(), p.ID)
	refused(t, core.CodeNotFound, err)
}

func tokens(t *testing.T, s core.Store) {
	ctx := t.Context()
	token := &core.Token{ID: newID(), Name: "first", Hash: "abc", CreatedAt: moment()}
	must(t, s.CreateToken(ctx, token))
	refused(t, core.CodeConflict, s.CreateToken(ctx, &core.Token{ID: newID(), Hash: "abc"}))
	got, err := s.TokenByHash(ctx, "abc")
	must(t, err)
	same(t, token, got)
	if n, err := s.CountTokens(ctx); n != 1 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
}

// oneOfManyWins: of writes that saw the same version, one of each kind is taken, the
// others are conflicts that change nothing.
func oneOfManyWins(t *testing.T, s core.Store) {
	p, r := newPipeline("p")
	must(t, s.CreatePipeline(t.Context(), p, r))
	e := newExecution(p)
	must(t, s.CreateExecution(t.Context(), e))
	const many = 16
	var group sync.WaitGroup
	outcomes := map[string]chan error{}
	attempt := func(kind string, write func(i int) (version int64, err error)) {
		results := make(chan error, many)
		outcomes[kind] = results
		for i := range many {
			group.Go(func() {
				version, err := write(i)
				if err != nil && version > 1 {
					t.Errorf("%s: a refused write moved the version to %d", kind, version)
				}
				results <- err
			})
		}
	}
	attempt("pipeline", func(i int) (int64, error) {
		changed := *p
		changed.Revision, changed.Description = 2, fmt.Sprint(i)
		err := s.UpdatePipeline(t.Context(), &changed, &core.PipelineRevision{PipelineID: p.ID, Number: 2, YAML: fmt.Sprint(i)})
		return changed.Version, err
	})
	attempt("execution", func(i int) (int64, error) {
		changed := *e
		changed.Reason = fmt.Sprint(i)
		err := s.UpdateExecution(t.Context(), &changed)
		return changed.Version, err
	})
	attempt("step", func(i int) (int64, error) {
		step := &core.StepRun{ExecutionID: e.ID, Index: 0, Name: "n", Reason: fmt.Sprint(i)}
		err := s.SaveStepRun(t.Context(), step)
		return step.Version, err
	})
	group.Wait()
	for kind, results := range outcomes {
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
				continue
			}
			refused(t, core.CodeConflict, err)
		}
		if won != 1 {
			t.Errorf("%s: %d writes were taken", kind, won)
		}
	}
	got, err := s.Pipeline(t.Context(), p.ID)
	must(t, err)
	revision, err := s.Revision(t.Context(), p.ID, 2)
	must(t, err)
	if got.Version != 2 || got.Description != revision.YAML {
		t.Errorf("the pipeline is %+v, its revision is of writer %s", got, revision.YAML)
	}
}

func numbers(t *testing.T, s core.Store) {
	a, ra := newPipeline("a")
	b, rb := newPipeline("b")
	must(t, s.CreatePipeline(t.Context(), a, ra))
	must(t, s.CreatePipeline(t.Context(), b, rb))
	const many = 40
	var mu sync.Mutex
	got := map[string][]int64{}
	var group sync.WaitGroup
	for i := range 2 * many {
		p := a
		if i%2 == 1 {
			p = b
		}
		group.Go(func() {
			e := newExecution(p)
			if err := s.CreateExecution(t.Context(), e); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[p.ID] = append(got[p.ID], e.Number)
		})
	}
	group.Wait()
	for id, list := range got {
		slices.Sort(list)
		for i, number := range list {
			if number != int64(i+1) {
				t.Fatalf("pipeline %s: numbers %v", id, list)
			}
		}
	}
}
