package engine

import (
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// TestVariablesOfDeliveries: steps get what a delivery says, but none of it in the place
// of what they have anyway.
func TestVariablesOfDeliveries(t *testing.T) {
	t.Parallel()
	e := &core.Execution{ID: "e", Trigger: core.TriggerInfo{Type: core.TriggerGitPush, Branch: "main",
		Variables: map[string]string{"CI_BRANCH": "evil", "CI_EXECUTION_ID": "evil", "CI_COMMIT_TITLE": "a title"}}}
	got := builtinEnvironment(e, "/w")
	for name, want := range map[string]string{"CI_BRANCH": "main", "CI_EXECUTION_ID": "e", "CI_EVENT": "git_push", "CI_COMMIT_TITLE": "a title"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}
