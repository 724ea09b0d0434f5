package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/workspace"
)

// A run that takes more of the disk than it may is stopped as failed, whether it is
// found while a step works or at its end. Clean-up steps run, and nothing is left.
func TestWorkspaceQuota(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for name, test := range map[string]struct {
		quota   workspace.Quota
		release bool
		steps   string
		reason  string
	}{
		"while it works": {workspace.Quota{Bytes: mb}, false, "a=failed b=skipped c=success", "; 1 MiB is the most"},
		"at its end":     {workspace.Quota{Bytes: mb}, true, "a=success b=skipped c=success", "; 1 MiB is the most"},
		"files":          {workspace.Quota{Bytes: 10 * mb, Files: 1}, true, "a=success b=skipped c=success", "; 1 is the most"},
		"enough":         {workspace.Quota{Bytes: 10 * mb, Files: 100}, true, "a=success b=success c=skipped", ""},
		"none":           {workspace.Quota{}, true, "a=success b=success c=skipped", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) { o.Quota = test.quota })
			begun := w.begins("a")
			retries := 3
			id := w.submit(oneStage(step("a", script{Wait: true}, func(s *core.Step) { s.RetryCount = &retries }),
				step("b", script{}), step("c", script{}, func(s *core.Step) { s.Condition = "failure()" })))
			<-begun
			for _, name := range []string{"big", "small"} {
				if err := os.WriteFile(filepath.Join(w.runs, id, name), make([]byte, 2*mb), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if test.release {
				w.release()
			}
			e := w.await(id)
			want := core.StatusFailed
			if test.reason == "" {
				want = core.StatusSuccess
			}
			if e.Status != want || !strings.HasSuffix(e.Reason, test.reason) || (test.reason != "") != strings.HasPrefix(e.Reason, "the workspace has ") {
				t.Errorf("%s: %q", e.Status, e.Reason)
			}
			if got := w.statuses(id); got != test.steps {
				t.Error(got)
			}
			w.nothingLeft()
		})
	}
}
