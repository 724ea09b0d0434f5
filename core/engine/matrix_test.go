package engine

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func matrixOf(values ...string) *core.Matrix {
	return &core.Matrix{Axes: []core.MatrixAxis{{Name: "go", Values: values}}}
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	never := false
	for name, test := range map[string]struct {
		matrix *core.Matrix
		status core.Status
		steps  string
	}{
		"all succeed":         {matrixOf("1", "2"), core.StatusSuccess, "a=success a=success z=success"},
		"one fails":           {&core.Matrix{Axes: matrixOf("1", "bad", "2").Axes, MaxParallel: 1}, core.StatusFailed, "a=success a=failed a=cancelled z=skipped"},
		"without fail_fast":   {&core.Matrix{Axes: matrixOf("bad", "2").Axes, MaxParallel: 1, FailFast: &never}, core.StatusFailed, "a=failed a=success z=skipped"},
		"one after the other": {&core.Matrix{Axes: matrixOf("1", "2", "3").Axes, MaxParallel: 1}, core.StatusSuccess, "a=success a=success a=success z=success"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := core.Step{Name: "a", Connector: "fake"}
			a.Config = json.RawMessage(`{"text":"${{ matrix.go }} ${MATRIX_GO}\n","error":"${{ matrix.go == 'bad' ? 'external_service' : '' }}"}`)
			id := w.submit(&core.Spec{Name: "p", Stages: []core.Stage{
				{Name: "test", Matrix: test.matrix, Steps: []core.Step{a}},
				{Name: "last", Steps: []core.Step{step("z", script{})}},
			}})
			e := w.await(id)
			if e.Status != test.status || w.statuses(id) != test.steps {
				t.Errorf("%s (%s): %s", e.Status, e.Reason, w.statuses(id))
			}
			if test.status == core.StatusSuccess {
				if out := w.stdout(id, 0) + w.stdout(id, 1); out != "1 1\n2 2\n" {
					t.Errorf("output %q", out)
				}
			}
			w.nothingLeft()
		})
	}
}

// Every change that is stored is told once, in order, also over a restart.
func TestStatusEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun := w.begins("b")
	id := w.submit(oneStage(step("a", script{Text: "hello\n"}), step("b", script{Wait: true})))
	<-begun
	w.restartEngine()
	w.release()
	w.await(id)
	var got []string
	versions := map[int]int64{}
	err := w.logs.Read(t.Context(), id, 0, func(r core.LogRecord, _ core.Cursor) error {
		if r.Stream != core.StreamStatus {
			return nil
		}
		var event core.StatusEvent
		if err := json.Unmarshal(r.Data, &event); err != nil {
			return err
		}
		if event.Version <= versions[event.Step] {
			t.Errorf("version %d of %d comes after %d", event.Version, event.Step, versions[event.Step])
		}
		versions[event.Step] = event.Version
		got = append(got, strings.TrimSpace(event.Name+" "+string(event.Status)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"running", "a running", "a success", "b running", "b success", "success"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
