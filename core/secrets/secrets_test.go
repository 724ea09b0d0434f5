package secrets

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
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
	if err := store.CreatePipeline(t.Context(), &core.Pipeline{ID: "p", Revision: 1}, &core.PipelineRevision{PipelineID: "p", Number: 1}); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string][]byte{"in clear": nil, "wrapped": bytes.Repeat([]byte{7}, KeySize)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, path := newStore(t), filepath.Join(t.TempDir(), "keys")
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

func TestTheFileOfKeys(t *testing.T) {
	t.Parallel()
	store, path := newStore(t), filepath.Join(t.TempDir(), "keys")
	wrap := bytes.Repeat([]byte{7}, KeySize)
	set(t, open(t, store, path, wrap), "", "A", "value")
	refused := func(what, want string, wrap []byte) {
		t.Helper()
		if _, err := Open(t.Context(), store, path, wrap); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", what, err, want)
		}
	}
	refused("without its wrapping key", "another wrapping key", nil)
	refused("with another", "another wrapping key", bytes.Repeat([]byte{8}, KeySize))
	change := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	change(os.Chmod(path, 0o644))
	refused("that others may read", "chmod 600", wrap)
	change(os.WriteFile(path, []byte("{half"), 0o600))
	change(os.Chmod(path, 0o600))
	refused("that is damaged", "damaged", wrap)
	change(os.Remove(path))
	refused("that is missing", "1 secrets are stored", wrap)
	if _, err := ParseWrappingKey("short"); err == nil {
		t.Error("a short wrapping key is taken")
	}
}

// interrupted is a store that breaks at the n-th write of a rotation.
type interrupted struct {
	*memory.Store
	left int
}

func (i *interrupted) PutSecret(ctx context.Context, s *core.Secret) error {
	if i.left--; i.left < 0 {
		return errors.New("the power went")
	}
	return i.Store.PutSecret(ctx, s)
}

func TestRotate(t *testing.T) {
	t.Parallel()
	for left := range 4 {
		store, path := newStore(t), filepath.Join(t.TempDir(), "keys")
		s := open(t, store, path, nil)
		names := []string{"A", "B", "C"}
		for _, name := range names {
			set(t, s, "", name, "value of "+name)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, rotateErr := open(t, &interrupted{store, left}, path, nil).Rotate(t.Context())
		if (rotateErr == nil) != (left >= len(names)) {
			t.Errorf("interrupted after %d: %v", left, rotateErr)
		}
		s = open(t, store, path, nil)
		for range 2 { // as it was left, and rotated to the end
			got, err := s.Resolve(t.Context(), "", names)
			if err != nil || got["A"] != "value of A" || got["C"] != "value of C" {
				t.Errorf("interrupted after %d: %v, %v", left, got, err)
			}
			if n, err := s.Rotate(t.Context()); n != len(names) || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		if keys := s.keys.handle.KeysetInfo().GetKeyInfo(); len(keys) != 1 {
			t.Errorf("%d keys are left", len(keys))
		}
		// The old keys alone open nothing any more.
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, store, path, nil).Resolve(t.Context(), "", names); err == nil {
			t.Error("the old keys still open the secrets")
		}
	}
}
