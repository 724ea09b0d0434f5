package engine

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func TestPreview(t *testing.T) {
	t.Parallel()
	spec := &core.Spec{Name: "shop", Environment: map[string]string{"TAG": "1.0"}, Stages: []core.Stage{
		{Name: "build", Steps: []core.Step{
			{Name: "image", Connector: "docker", Action: "build", Config: json.RawMessage(`{"tags":["shop:${TAG}"],"script":"echo ${TAG}"}`)},
			{Name: "late", Connector: "docker", Config: json.RawMessage(`{"image":"${{ hashFiles('go.sum') }}"}`)},
		}},
		{Name: "deploy", Steps: []core.Step{
			{Name: "apply", Connector: "kubernetes", Config: json.RawMessage(`{"manifest":"${CI_BRANCH}.yaml"}`), Environment: map[string]string{"TAG": "2.0"}},
		}},
	}}
	execution := &core.Execution{ID: "e", PipelineName: "shop", Trigger: core.TriggerInfo{Branch: "main"}}
	compiled, steps, err := Preview(t.Context(), execution, spec, "/work", nil)
	if err != nil || len(compiled.Nodes) != 3 || len(steps) != 3 {
		t.Fatalf("got %d steps, %v", len(steps), err)
	}
	got := map[string]string{}
	for _, s := range steps {
		got[s.Node.Step.Name] = string(s.Step.Config)
		if s.Step.Workspace.Path != "/work" || s.Step.AttemptID != "" {
			t.Errorf("%s has the workspace %q and the attempt %q", s.Node.Step.Name, s.Step.Workspace.Path, s.Step.AttemptID)
		}
		if late := s.Node.Step.Name == "late"; late != (s.Err != nil) {
			t.Errorf("%s: %v", s.Node.Step.Name, s.Err)
		}
	}
	want := map[string]string{"image": `{"script":"echo ${TAG}","tags":["shop:1.0"]}`, "apply": `{"manifest":"main.yaml"}`, "late": got["late"]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if tag := steps[2].Step.Environment["TAG"]; tag != "2.0" {
		t.Errorf("TAG is %q", tag)
	}
}
