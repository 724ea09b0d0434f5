package trigger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

func TestStoredBeforeAnybodyIsTold(t *testing.T) {
	t.Parallel()
	store := memory.New()
	p := &core.Pipeline{ID: "p", Name: "name", Revision: 3}
	if err := store.CreatePipeline(t.Context(), p, &core.PipelineRevision{PipelineID: "p", Number: 3, Spec: &core.Spec{Name: "name"}}); err != nil {
		t.Fatal(err)
	}
	told := ""
	s := New(store, func(e *core.Execution) {
		if _, err := store.Execution(t.Context(), e.ID); err != nil {
			t.Errorf("told of an execution that is not stored: %v", err)
		}
		told = e.ID
	})
	e, err := s.Trigger(t.Context(), core.TriggerRequest{PipelineID: "p", Info: core.TriggerInfo{Branch: "main"}, Environment: map[string]string{"A": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if told != e.ID || e.Revision != 3 || e.Number != 1 || e.Status != core.StatusPending || e.Trigger.Type != core.TriggerManual {
		t.Errorf("told %q of %+v", told, e)
	}
}

// variables makes n of them.
func variables(n int) map[string]string {
	list := map[string]string{}
	for i := range n {
		list[fmt.Sprintf("V%d", i)] = ""
	}
	return list
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request core.TriggerRequest
		code    core.ErrorCode
	}{
		"no such pipeline": {core.TriggerRequest{PipelineID: "none"}, core.CodeNotFound},
		"no such type":     {core.TriggerRequest{Info: core.TriggerInfo{Type: "x"}}, core.CodeInvalid},
		"odd variable":     {core.TriggerRequest{Environment: map[string]string{"A-B": ""}}, core.CodeInvalid},
		"no name":          {core.TriggerRequest{Environment: map[string]string{"": ""}}, core.CodeInvalid},
		"too large":        {core.TriggerRequest{Environment: map[string]string{"A": strings.Repeat("x", maxEnvironment)}}, core.CodeInvalid},
		"too many":         {core.TriggerRequest{Environment: variables(maxVariables + 1)}, core.CodeInvalid},
		"NUL in a value":   {core.TriggerRequest{Environment: map[string]string{"A": "a\x00b"}}, core.CodeInvalid},
		"not our variable": {core.TriggerRequest{Info: core.TriggerInfo{Variables: map[string]string{"PATH": "x"}}}, core.CodeInvalid},
		"NUL in another":   {core.TriggerRequest{Info: core.TriggerInfo{Variables: map[string]string{"CI_X": "\x00"}}}, core.CodeInvalid},
		"lines of a name":  {core.TriggerRequest{Info: core.TriggerInfo{Branch: "a\nb"}}, core.CodeInvalid},
		"no text at all":   {core.TriggerRequest{Info: core.TriggerInfo{Repository: "\xff"}}, core.CodeInvalid},
		"bytes in a value": {core.TriggerRequest{Environment: map[string]string{"A": "\xff"}}, core.CodeInvalid},
		"long branch":      {core.TriggerRequest{Info: core.TriggerInfo{Branch: strings.Repeat("x", maxText+1)}}, core.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New(memory.New(), func(*core.Execution) { t.Error("somebody was told") })
			if _, err := s.Trigger(t.Context(), test.request); core.CodeOf(err) != test.code {
				t.Errorf("got %v", err)
			}
		})
	}
}
