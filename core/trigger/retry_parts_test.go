package trigger

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// step is a step of a stage and how it ended: "clean[always()]=success". Without a
// status it had not begun.
func step(text string) (core.Step, core.StepRun) {
	status := ""
	if i := strings.LastIndex(text, "="); i >= 0 {
		text, status = text[:i], text[i+1:]
	}
	name, condition, _ := strings.Cut(strings.TrimSuffix(text, "]"), "[")
	return core.Step{Name: name, Connector: "shell", Condition: condition}, core.StepRun{Name: name, Status: core.Status(status)}
}

// What is taken over when the failed parts of an execution are run again.
func TestRetryFailedTakesOver(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ stages, want string }{
		"what succeeded before the failure": {"a=success b=failed c=skipped", "a"},
		"nothing after what runs again":     {"a=failed c[always()]=success", ""},
		"what was skipped by itself":        {"a=success b[branch=='x']=skipped c=success d=failed", "a c"},
		"clean-up of what was skipped":      {"a=success b=skipped clean[always()]=success | d=failed", "a"},
		"clean-up of a stage":               {"a=success b=skipped | clean[always()]=success | d=failed", "a"},
		"clean-up of what is complete":      {"a=success clean[always()]=success | b=failed", "a clean"},
		"a later one of the clean-up":       {"a=success b=skipped clean[always()]=success after=success | d=failed", "a"},
		"stages that were skipped":          {"a=success | b[branch=='x']=skipped | c=success | d=failed", "a c"},
		"cancelled":                         {"a=success b=cancelled c=cancelled", "a"},
		"never begun":                       {"a=success b=failed c", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			spec := &core.Spec{Name: "p"}
			var err error
			index := 0
			for _, stage := range strings.Split(test.stages, " | ") {
				s := core.Stage{Name: "s" + string(rune('0'+len(spec.Stages)))}
				for text := range strings.FieldsSeq(stage) {
					step, end := step(text)
					s.Steps = append(s.Steps, step)
					if end.ExecutionID, end.Stage, end.Index = "old", s.Name, index; end.Status != "" {
						err = errors.Join(err, store.SaveStepRun(t.Context(), &end))
					}
					index++
				}
				spec.Stages = append(spec.Stages, s)
			}
			err = errors.Join(err, store.CreatePipeline(t.Context(), &core.Pipeline{ID: "p", Name: "p", Revision: 1}, &core.PipelineRevision{PipelineID: "p", Number: 1, Spec: spec}),
				store.CreateExecution(t.Context(), &core.Execution{ID: "old", PipelineID: "p", Revision: 1, Status: core.StatusFailed, Trigger: core.TriggerInfo{Type: core.TriggerManual}}))
			if err != nil {
				t.Fatal(err)
			}
			keepWorkspace(t, store)
			e, err := New(store, func(*core.Execution) {}).Retry(t.Context(), core.RetryRequest{ExecutionID: "old", Mode: core.RetryFailed})
			if err != nil {
				t.Fatal(err)
			}
			runs, err := store.StepRuns(t.Context(), e.ID)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, run := range runs {
				got = append(got, run.Name)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// However often an execution is repeated, a step says which one ran it: its log is
// there.
func TestOriginOfWhatIsTakenOver(t *testing.T) {
	t.Parallel()
	store := memory.New()
	ended(t, store)
	keepWorkspace(t, store)
	s := New(store, func(*core.Execution) {})
	of := "old"
	for range 3 {
		e, err := s.Retry(t.Context(), core.RetryRequest{ExecutionID: of, Mode: core.RetryFailed})
		if err != nil {
			t.Fatal(err)
		}
		runs, err := store.StepRuns(t.Context(), e.ID)
		if err != nil || len(runs) == 0 {
			t.Fatal(runs, err)
		}
		for _, run := range runs {
			if run.Reason != "taken over from execution old" {
				t.Errorf("%s, %s: %q", run.Name, run.Status, run.Reason)
			}
		}
		e.Status = core.StatusFailed
		if err := errors.Join(store.UpdateExecution(t.Context(), e), store.CreateArtifact(t.Context(),
			&core.Artifact{ID: "w" + e.ID, ExecutionID: e.ID, Name: "workspace", Kind: core.ArtifactWorkspace})); err != nil {
			t.Fatal(err)
		}
		of = e.ID
	}
}
