package secrets

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
	"github.com/patchbay-ci/patchbay/core/store/sqlite"
)

func open(t *testing.T, store Store, path string, wrap []byte) *Service {
	t.Helper()
	s, err := Open(t.Context(), store, path, wrap)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func set(t *testing.T, s *Service, pipelineID, name, value string) {
	t.Helper()
	if _, err := s.SetSecret(t.Context(), pipelineID, name, value, "ann"); err != nil {
		t.Fatal(err)
	}
}

func newStore(t *testing.T) *memory.Store {
	t.Helper()
	store := memory.New()
	addPipeline(t, store, "p")
	return store
}

func onDisk(t *testing.T) core.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	addPipeline(t, store, "p")
	return store
}

func addPipeline(t *testing.T, store core.PipelineStore, id string) {
	t.Helper()
	p := &core.Pipeline{ID: id, Revision: 1}
	if err := store.CreatePipeline(t.Context(), p, &core.PipelineRevision{PipelineID: id, Number: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string][]byte{"in clear": nil, "wrapped": bytes.Repeat([]byte{7}, KeySize)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, path := onDisk(t), filepath.Join(t.TempDir(), "keys")
			s := open(t, store, path, wrap)
			set(t, s, "", "A", "global")
			set(t, s, "", "B", "global")
			set(t, s, "p", "A", "of the pipeline")
			set(t, s, "p", "A", "of the pipeline, changed")
			s = open(t, store, path, wrap) // after a restart
			got, err := s.Resolve(t.Context(), "p", []string{"A", "B"})
			if diff := cmp.Diff(map[string]string{"A": "of the pipeline, changed", "B": "global"}, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
			if got, err := s.Resolve(t.Context(), "other", []string{"A"}); err != nil || got["A"] != "global" {
				t.Errorf("%v, %v", got, err)
			}
			if _, err := s.Resolve(t.Context(), "p", []string{"AB"}); core.CodeOf(err) != core.CodeNotFound {
				t.Errorf("of one that is not there: %v", err)
			}
			content, err := os.ReadFile(path)
			if info, _ := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			if wrapped := bytes.Contains(content, []byte("encryptedKeyset")); wrapped != (wrap != nil) {
				t.Errorf("the file of keys: %s", content)
			}
			all, err := store.AllSecrets(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range all {
				if bytes.Contains(secret.Ciphertext, []byte("global")) {
					t.Error("a value is stored in clear")
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := open(t, newStore(t), filepath.Join(t.TempDir(), "keys"), nil)
	for name, test := range map[string]struct {
		pipeline, name, value string
		code                  core.ErrorCode
	}{
		"no name":          {"", "", "v", core.CodeInvalid},
		"odd name":         {"", "A-B", "v", core.CodeInvalid},
		"long name":        {"", strings.Repeat("A", 129), "v", core.CodeInvalid},
		"a name of ours":   {"", "CI_TOKEN", "v", core.CodeInvalid},
		"no value":         {"", "A", "", core.CodeInvalid},
		"long value":       {"", "A", strings.Repeat("x", MaxValue+1), core.CodeInvalid},
		"binary":           {"", "A", "\xff", core.CodeInvalid},
		"NUL":              {"", "A", "a\x00", core.CodeInvalid},
		"no such pipeline": {"nosuch", "A", "v", core.CodeNotFound},
	} {
		if _, err := s.SetSecret(t.Context(), test.pipeline, test.name, test.value, "ann"); core.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A ciphertext that somebody moves to another name or scope does not open there.
func TestBoundToItsPlace(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	s := open(t, store, filepath.Join(t.TempDir(), "keys"), nil)
	set(t, s, "", "A", "value")
	moved, err := store.Secret(t.Context(), "", "A")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range [][2]string{{"", "B"}, {"p", "A"}} {
		moved.PipelineID, moved.Name = to[0], to[1]
		if err := store.PutSecret(t.Context(), moved); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Resolve(t.Context(), "p", []string{to[1]}); err == nil {
			t.Errorf("moved to %v it opens: %v", to, got)
		}
	}
}

func TestNotFoundHelps(t *testing.T) {
	t.Parallel()
	s := open(t, newStore(t), filepath.Join(t.TempDir(), "keys"), nil)
	set(t, s, "", "DEPLOY_TOKEN", "value")
	_, err := s.Resolve(t.Context(), "p", []string{"DEPLOY_TOKN"})
	var e *core.Error
	if !errors.As(err, &e) || e.Code != core.CodeNotFound || !strings.Contains(e.Message, "DEPLOY_TOKN") {
		t.Fatalf("%v", err)
	}
	if said := strings.Join(e.Suggestions, "; "); !strings.Contains(said, "DEPLOY_TOKEN?") || !strings.Contains(said, "patchbay secret set DEPLOY_TOKN") {
		t.Errorf("suggestions: %s", said)
	}
	if got, err := s.Resolve(t.Context(), "p", nil); len(got) != 0 || err != nil {
		t.Errorf("of no names: %v, %v", got, err)
	}
}

func TestOnlySoMany(t *testing.T) {
	t.Parallel()
	s := open(t, newStore(t), filepath.Join(t.TempDir(), "keys"), nil)
	for i := range MaxSecrets {
		set(t, s, "", fmt.Sprint("S", i), "value")
	}
	if _, err := s.SetSecret(t.Context(), "", "ONE_MORE", "value", "ann"); core.CodeOf(err) != core.CodeInvalid {
		t.Errorf("one more: %v", err)
	}
	set(t, s, "", "S1", "changed")
	set(t, s, "p", "IN_ANOTHER_SCOPE", "value")
}
