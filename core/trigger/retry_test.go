package trigger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// ended stores an execution that has failed: build/a succeeded, build/b failed but was
// allowed to, build/c was skipped, test/d succeeded, test/e failed, ship/f was skipped,
// and always/g cleaned up.
func ended(t *testing.T, store *memory.Store) *core.Execution {
	t.Helper()
	ctx := t.Context()
	steps := func(names ...string) (list []core.Step) {
		for _, name := range names {
			list = append(list, core.Step{Name: name, Connector: "shell"})
		}
		return list
	}
	spec := &core.Spec{Name: "p", Params: []core.Param{{Name: "n", Type: core.ParamNumber, Default: pointer("1")}}, Stages: []core.Stage{
		{Name: "build", Steps: steps("a", "b", "c")}, {Name: "test", Parallel: true, Steps: steps("d", "e")},
		{Name: "ship", Steps: steps("f")}, {Name: "always", DependsOn: []string{"ship"}, Steps: steps("g", "a")}}}
	p := &core.Pipeline{ID: "p", Name: "p", Revision: 1}
	at := time.Now().UTC()
	e := &core.Execution{ID: "old", PipelineID: "p", PipelineName: "p", Revision: 1, Status: core.StatusFailed, Params: map[string]string{"n": "7"},
		Environment: map[string]string{"A": "1"},
		Trigger:     core.TriggerInfo{Type: core.TriggerManual}, FinishedAt: &at}
	err := errors.Join(store.CreatePipeline(ctx, p, &core.PipelineRevision{PipelineID: "p", Number: 1, Spec: spec}), store.CreateExecution(ctx, e))
	for i, end := range []core.StepRun{{Stage: "build", Name: "a", Status: core.StatusSuccess, Outputs: map[string]string{"k": "v"}},
		{Stage: "build", Name: "b", Status: core.StatusFailed, Allowed: true}, {Stage: "build", Name: "c", Status: core.StatusSkipped},
		{Stage: "test", Name: "d", Status: core.StatusSuccess}, {Stage: "test", Name: "e", Status: core.StatusFailed},
		{Stage: "ship", Name: "f", Status: core.StatusSkipped}, {Stage: "always", Name: "g", Status: core.StatusSuccess}} {
		end.ExecutionID, end.Index = e.ID, i
		end.Attempts = []core.Attempt{{ID: fmt.Sprint(i), Number: 1}}
		err = errors.Join(err, store.SaveStepRun(ctx, &end))
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func keepWorkspace(t *testing.T, store core.ArtifactStore) {
	t.Helper()
	if err := store.CreateArtifact(t.Context(), &core.Artifact{ID: "w", ExecutionID: "old", Name: "workspace", Kind: core.ArtifactWorkspace}); err != nil {
		t.Fatal(err)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request core.RetryRequest
		reused  string
		params  string
	}{
		"all":      {core.RetryRequest{Params: map[string]string{"n": "8"}, Environment: map[string]string{"B": "2"}}, "", "8"},
		"failed":   {core.RetryRequest{Mode: core.RetryFailed}, "a=success b=failed d=success", "7"},
		"one step": {core.RetryRequest{Mode: core.RetryStep, Stage: "test", Step: "e"}, "a=success b=failed c=skipped d=success f=skipped g=success a=skipped", "7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			ended(t, store)
			keepWorkspace(t, store)
			var told string
			test.request.ExecutionID, test.request.By = "old", "ann"
			e, err := New(store, func(e *core.Execution) { told = e.ID }).Retry(t.Context(), test.request)
			if err != nil {
				t.Fatal(err)
			}
			if told != e.ID || e.Retry.Of != "old" || e.Params["n"] != test.params || e.Trigger.TriggeredBy != "ann" || e.Environment["A"] != "1" {
				t.Errorf("told %q of %+v", told, e)
			}
			runs, err := store.StepRuns(t.Context(), e.ID)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range runs {
				got = append(got, s.Name+"="+string(s.Status))
				if !s.Reused || len(s.Attempts) > 0 {
					t.Errorf("%+v", s)
				}
			}
			if diff := cmp.Diff(test.reused, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRetryRefused(t *testing.T) {
	t.Parallel()
	store := memory.New()
	running := ended(t, store)
	s := New(store, func(*core.Execution) { t.Error("somebody was told") })
	if _, err := s.Retry(t.Context(), core.RetryRequest{ExecutionID: "old", Mode: core.RetryFailed}); core.CodeOf(err) != core.CodeConflict || !strings.Contains(err.Error(), "not kept") {
		t.Errorf("without a workspace: %v", err)
	}
	keepWorkspace(t, store)
	for name, test := range map[string]struct {
		request core.RetryRequest
		code    core.ErrorCode
	}{
		"no such execution": {core.RetryRequest{ExecutionID: "none"}, core.CodeNotFound},
		"no such mode":      {core.RetryRequest{Mode: "half"}, core.CodeInvalid},
		"no such step":      {core.RetryRequest{Mode: core.RetryStep, Step: "nosuch"}, core.CodeNotFound},
		"two of that name":  {core.RetryRequest{Mode: core.RetryStep, Step: "a"}, core.CodeInvalid},
		"wrong parameter":   {core.RetryRequest{Params: map[string]string{"n": "x"}}, core.CodeInvalid},
		"odd variable":      {core.RetryRequest{Environment: map[string]string{"A-B": ""}}, core.CodeInvalid},
		"parts, changed":    {core.RetryRequest{Mode: core.RetryFailed, Params: map[string]string{"n": "1"}}, core.CodeInvalid},
	} {
		if test.request.ExecutionID == "" {
			test.request.ExecutionID = "old"
		}
		if _, err := s.Retry(t.Context(), test.request); core.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	running.Status = core.StatusRunning
	if err := store.UpdateExecution(t.Context(), running); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Retry(t.Context(), core.RetryRequest{ExecutionID: "old"}); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("of one that runs: %v", err)
	}
}

// failing is a store that breaks when the n-th step is stored.
type failing struct {
	*memory.Store
	left int
}

func (f *failing) SaveStepRun(ctx context.Context, s *core.StepRun) error {
	if f.left--; f.left < 0 {
		return errors.New("no disk")
	}
	return f.Store.SaveStepRun(ctx, s)
}

// Whatever breaks in the middle of it: no execution that would run everything.
func TestRetryIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for left := range 3 {
		store := memory.New()
		ended(t, store)
		keepWorkspace(t, store)
		s := New(&failing{store, left}, func(*core.Execution) { t.Error("somebody was told") })
		if _, err := s.Retry(t.Context(), core.RetryRequest{ExecutionID: "old", Mode: core.RetryFailed}); err == nil {
			t.Errorf("%d steps stored: no error", left)
		}
		list, err := store.Executions(t.Context(), core.ExecutionFilter{})
		if err != nil || len(list) != 1 {
			t.Errorf("%d steps stored: %d executions, %v", left, len(list), err)
		}
	}
}
