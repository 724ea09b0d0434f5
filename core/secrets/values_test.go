package secrets

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// The secret variables of an execution are encrypted like secrets and outlive a rotation
// of the keys; those that no execution came for do not.
func TestValues(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), memory.New()
	s, err := Open(ctx, store, filepath.Join(t.TempDir(), "keys"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"TOKEN": "hidden", "OTHER": "value\nof lines"}
	e := &core.Execution{ID: "e", PipelineID: "p", Status: core.StatusPending}
	for _, id := range []string{e.ID, "never"} {
		if err := s.KeepValues(ctx, id, want); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.CreateExecution(ctx, e); err != nil {
		t.Fatal(err)
	}
	all, err := store.AllSecrets(ctx)
	if err != nil || len(all) != 4 {
		t.Fatalf("%d, %v", len(all), err)
	}
	for _, secret := range all {
		if bytes.Contains(secret.Ciphertext, []byte("hidden")) {
			t.Error("stored in clear")
		}
		if strings.HasSuffix(secret.PipelineID, "never") {
			secret.CreatedAt = time.Now().Add(-2 * unclaimed)
			if err := store.PutSecret(ctx, secret); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, err := s.Rotate(ctx); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	got, err := s.Values(ctx, e.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, id := range []string{"never", "none", ""} {
		if got, err := s.Values(ctx, id); len(got) != 0 || err != nil {
			t.Errorf("%q: %v, %v", id, got, err)
		}
	}
}

func TestValuesThatAreNotKept(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), memory.New(), filepath.Join(t.TempDir(), "keys"), nil)
	if err != nil {
		t.Fatal(err)
	}
	many := map[string]string{}
	for i := range MaxValues + 1 {
		many[fmt.Sprint("A", i)] = "value"
	}
	for name, values := range map[string]map[string]string{"too many": many, "no name": {"": "x"}, "an odd name": {"A B": "x"}, "one of ours": {"CI_TAG": "x"},
		"no value": {"A": ""}, "no text": {"A": "\xff"}, "a long one": {"A": strings.Repeat("x", MaxValue+1)}} {
		if err := s.KeepValues(t.Context(), "e", values); core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
