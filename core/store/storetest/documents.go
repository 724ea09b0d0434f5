package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

func pipelines(t *testing.T, s core.Store) {
	ctx := t.Context()
	var want []*core.Pipeline
	for i := range 5 {
		p, r := newPipeline(fmt.Sprintf("pipeline %d", i))
		must(t, s.CreatePipeline(ctx, p, r))
		if p.Version != 1 {
			t.Errorf("version %d", p.Version)
		}
		want = append(want, p)
	}
	refused(t, core.CodeConflict, s.CreatePipeline(ctx, want[0], &core.PipelineRevision{PipelineID: want[0].ID, Number: 9}))
	got, err := s.Pipeline(ctx, want[2].ID)
	must(t, err)
	same(t, want[2], got)
	slices.Reverse(want) // the newest first
	first, err := s.Pipelines(ctx, core.Page{Limit: 3})
	must(t, err)
	rest, err := s.Pipelines(ctx, core.Page{Limit: 3, After: first[2].ID})
	must(t, err)
	same(t, want, append(first, rest...))
	must(t, s.DeletePipeline(ctx, want[0].ID))
	_, err = s.Pipeline(ctx, want[0].ID)
	refused(t, core.CodeNotFound, err)
	_, err = s.Revision(ctx, want[0].ID, 1)
	refused(t, core.CodeNotFound, err)
}

func pipelineUpdates(t *testing.T, s core.Store) {
	ctx := t.Context()
	p, r := newPipeline("before")
	must(t, s.CreatePipeline(ctx, p, r))
	stale := *p
	p.Name, p.Revision = "after", 2
	must(t, s.UpdatePipeline(ctx, p, &core.PipelineRevision{PipelineID: p.ID, Number: 2, YAML: "new", Spec: &core.Spec{Name: "after"}, CreatedAt: moment()}))
	if p.Version != 2 {
		t.Errorf("version %d", p.Version)
	}
	stale.Name = "late"
	refused(t, core.CodeConflict, s.UpdatePipeline(ctx, &stale, &core.PipelineRevision{PipelineID: p.ID, Number: 3}))
	if stale.Version != 1 {
		t.Errorf("a refused update moved the version to %d", stale.Version)
	}
	_, err := s.Revision(ctx, p.ID, 3)
	refused(t, core.CodeNotFound, err) // nothing of a refused update is stored
	refused(t, core.CodeConflict, s.UpdatePipeline(ctx, p, &core.PipelineRevision{PipelineID: p.ID, Number: 2}))
	got, err := s.Pipeline(ctx, p.ID)
	must(t, err)
	if got.Name != "after" || got.Version != 2 {
		t.Errorf("%+v", got)
	}
	must(t, s.UpdatePipeline(ctx, got, nil))
}

func revisions(t *testing.T, s core.Store) {
	ctx := t.Context()
	p, r := newPipeline("p")
	must(t, s.CreatePipeline(ctx, p, r))
	for n := 2; n <= 3; n++ {
		p.Revision = n
		must(t, s.UpdatePipeline(ctx, p, &core.PipelineRevision{PipelineID: p.ID, Number: n, YAML: fmt.Sprint(n), Spec: &core.Spec{}, CreatedAt: moment()}))
	}
	list, err := s.Revisions(ctx, p.ID)
	must(t, err)
	var got []string
	for _, item := range list {
		got = append(got, fmt.Sprint(item.Number, item.YAML, item.Spec == nil, item.CreatedAt.IsZero()))
	}
	same(t, []string{"3true false", "2true false", "1true false"}, got)
	must(t, s.CreateExecution(ctx, newExecution(p)))
	must(t, s.DeletePipeline(ctx, p.ID))
	second, err := s.Revision(ctx, p.ID, 2)
	must(t, err) // an execution names the pipeline's revisions
	if second.YAML != "2" {
		t.Errorf("%+v", second)
	}
	// An execution's revision never becomes another one.
	refused(t, core.CodeConflict, s.CreatePipeline(ctx, p, r))
	_, err = s.Pipeline(ctx, p.ID)
	refused(t, core.CodeNotFound, err)
	kept, err := s.Revision(ctx, p.ID, 1)
	must(t, err)
	same(t, r, kept)
}

func executions(t *testing.T, s core.Store) {
	ctx := t.Context()
	p, r := newPipeline("p")
	must(t, s.CreatePipeline(ctx, p, r))
	e := newExecution(p)
	must(t, s.CreateExecution(ctx, e))
	if e.Version != 1 || e.Number != 1 {
		t.Errorf("%+v", e)
	}
	refused(t, core.CodeConflict, s.CreateExecution(ctx, e))
	stale := *e
	at := moment()
	e.Status, e.StartedAt, e.Environment = core.StatusRunning, &at, map[string]string{"A": "ä\x00"}
	must(t, s.UpdateExecution(ctx, e))
	refused(t, core.CodeConflict, s.UpdateExecution(ctx, &stale))
	got, err := s.Execution(ctx, e.ID)
	must(t, err)
	same(t, e, got)
}

func filtersAndPages(t *testing.T, s core.Store) {
	ctx := t.Context()
	a, ra := newPipeline("a")
	b, rb := newPipeline("b")
	must(t, s.CreatePipeline(ctx, a, ra))
	must(t, s.CreatePipeline(ctx, b, rb))
	var all []*core.Execution
	for i := range 30 {
		e := newExecution([]*core.Pipeline{a, b}[i%2])
		e.Status = []core.Status{core.StatusPending, core.StatusRunning, core.StatusSuccess}[i%3]
		must(t, s.CreateExecution(ctx, e))
		all = append(all, e)
	}
	slices.Reverse(all)
	for name, filter := range map[string]core.ExecutionFilter{
		"all":         {},
		"pipeline":    {PipelineID: a.ID},
		"status":      {Statuses: []core.Status{core.StatusRunning}},
		"one of one":  {PipelineID: a.ID, Statuses: []core.Status{core.StatusRunning}},
		"two":         {Statuses: []core.Status{core.StatusPending, core.StatusSuccess}},
		"two, of one": {PipelineID: b.ID, Statuses: []core.Status{core.StatusPending, core.StatusSuccess}},
		"one, twice":  {Statuses: []core.Status{core.StatusRunning, core.StatusRunning}},
		"every":       {Statuses: core.Statuses()},
		"no status":   {Statuses: []core.Status{"nonsense"}},
		"none":        {PipelineID: "nobody's"},
	} {
		var want, got []string
		for _, e := range all {
			if (filter.PipelineID == "" || e.PipelineID == filter.PipelineID) &&
				(filter.Statuses == nil || slices.Contains(filter.Statuses, e.Status)) {
				want = append(want, e.ID)
			}
		}
		filter.Page.Limit = 4
		for {
			page, err := s.Executions(ctx, filter)
			must(t, err)
			for _, e := range page {
				got = append(got, e.ID)
			}
			if len(page) < filter.Page.Limit {
				break
			}
			filter.Page.After = page[len(page)-1].ID
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s: got %d, want %d, or in another order", name, len(got), len(want))
		}
	}
}

// pageBounds: a page has DefaultPageLimit when nothing is said and never more than
// MaxPageLimit; one may begin behind what is gone or never was.
func pageBounds(t *testing.T, s core.Store) {
	ctx := t.Context()
	p, r := newPipeline("p")
	must(t, s.CreatePipeline(ctx, p, r))
	var group sync.WaitGroup
	for range 4 { // together: a durable store shares their commits
		group.Go(func() {
			for range core.MaxPageLimit/4 + 1 {
				if err := s.CreateExecution(ctx, newExecution(p)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for limit, want := range map[int]int{0: core.DefaultPageLimit, -1: core.DefaultPageLimit, 1: 1, core.MaxPageLimit: core.MaxPageLimit, 1 << 30: core.MaxPageLimit} {
		list, err := s.Executions(ctx, core.ExecutionFilter{Page: core.Page{Limit: limit}})
		must(t, err)
		if len(list) != want {
			t.Errorf("limit %d: %d executions, want %d", limit, len(list), want)
		}
	}
	for after, want := range map[string]int{"0": 0, "~": core.DefaultPageLimit} {
		list, err := s.Executions(ctx, core.ExecutionFilter{PipelineID: p.ID, Page: core.Page{After: after}})
		must(t, err)
		if len(list) != want {
			t.Errorf("after %q: %d executions, want %d", after, len(list), want)
		}
	}
}

// times: an instant survives to the microsecond, wherever it was read off a clock.
func times(t *testing.T, s core.Store) {
	ctx := t.Context()
	at := time.Date(2024, 2, 29, 23, 59, 59, 123456000, time.FixedZone("far", 5*3600+1800))
	p, _ := newPipeline("p")
	e := newExecution(p)
	e.CreatedAt, e.StartedAt = at, &at
	must(t, s.CreateExecution(ctx, e))
	got, err := s.Execution(ctx, e.ID)
	must(t, err)
	if !got.CreatedAt.Equal(at) || !got.StartedAt.Equal(at) || got.FinishedAt != nil {
		t.Errorf("got %v, %v, %v, want %v twice and nothing", got.CreatedAt, got.StartedAt, got.FinishedAt, at)
	}
}

func stepRuns(t *testing.T, s core.Store) {
	ctx := t.Context()
	var want []*core.StepRun
	for _, index := range []int{2, 0, 1} {
		r := &core.StepRun{ExecutionID: "e", Index: index, Stage: "s", Name: fmt.Sprint(index), Status: core.StatusRunning}
		must(t, s.SaveStepRun(ctx, r))
		want = append(want, r)
	}
	must(t, s.SaveStepRun(ctx, &core.StepRun{ExecutionID: "other", Index: 0}))
	refused(t, core.CodeConflict, s.SaveStepRun(ctx, &core.StepRun{ExecutionID: "e", Index: 0}))
	refused(t, core.CodeConflict, s.SaveStepRun(ctx, &core.StepRun{ExecutionID: "e", Index: 9, Version: 4}))
	code, at := 3, moment()
	want[1].Status = core.StatusFailed
	want[1].Attempts = []core.Attempt{{ID: "x", Number: 1, Status: core.StatusFailed, ExitCode: &code, State: []byte{0, 255},
		Metadata: map[string]string{"k": "v"}, StartedAt: at, FinishedAt: &at}}
	want[1].Outputs = map[string]string{"o": "1"}
	must(t, s.SaveStepRun(ctx, want[1]))
	slices.SortFunc(want, func(a, b *core.StepRun) int { return a.Index - b.Index })
	got, err := s.StepRuns(ctx, "e")
	must(t, err)
	same(t, want, got)
}

// wholeDocuments: what is nil stays nil, what is empty stays empty, and large texts
// and odd ones come back.
func wholeDocuments(t *testing.T, s core.Store) {
	ctx := t.Context()
	p, r := newPipeline("naïve ☃ \u2028")
	retries := 0
	r.YAML = strings.Repeat("# a long comment\n", 100_000)
	r.Spec = &core.Spec{Name: p.Name, RetryCount: &retries, Stages: []core.Stage{
		{Name: "nil", DependsOn: nil, Steps: []core.Step{{Name: "a", Config: []byte(`{"a":[1.10,"<&>"]}`)}}},
		{Name: "empty", DependsOn: []string{}, Steps: []core.Step{{Name: "b", DependsOn: []string{}, Config: []byte(`{}`)}}},
	}}
	must(t, s.CreatePipeline(ctx, p, r))
	got, err := s.Revision(ctx, p.ID, 1)
	must(t, err)
	same(t, r, got)
}
