package secrets

import (
	"path/filepath"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// TestChangesCountAtOnce: what is remembered of secrets, and of those that are not there,
// is forgotten when one is set, deleted or encrypted anew.
func TestChangesCountAtOnce(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	addPipeline(t, store, "hooked")
	s := open(t, store, filepath.Join(t.TempDir(), "keys"), nil)
	want := func(value string) {
		t.Helper()
		for range 2 { // read, and remembered
			got, err := s.Resolve(t.Context(), "hooked", []string{"HOOK"})
			if value == "" && core.CodeOf(err) != core.CodeNotFound || value != "" && (err != nil || got["HOOK"] != value) {
				t.Errorf("%q, %v; want %q", got["HOOK"], err, value)
			}
		}
	}
	want("")
	set(t, s, "", "HOOK", "global")
	want("global")
	set(t, s, "hooked", "HOOK", "own")
	want("own")
	if _, err := s.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("own")
	set(t, s, "hooked", "HOOK", "other")
	want("other")
	for _, c := range []struct{ scope, left string }{{"hooked", "global"}, {"", ""}} {
		if err := s.DeleteSecret(t.Context(), c.scope, "HOOK"); err != nil {
			t.Fatal(err)
		}
		want(c.left)
	}
}
