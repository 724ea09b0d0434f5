package secrets

import (
	"path/filepath"
	"testing"

	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// What is sealed opens in its own context only, also after a restart, and never as a
// secret.
func TestSeal(t *testing.T) {
	t.Parallel()
	ctx, path, store := t.Context(), filepath.Join(t.TempDir(), "keys"), memory.New()
	s, err := Open(ctx, store, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open([]byte("x"), nil); err == nil {
		t.Error("opened without keys")
	}
	sealed, err := s.Seal([]byte("plain"), []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(ctx, store, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := again.Open(sealed, []byte("a")); err != nil || string(plain) != "plain" {
		t.Errorf("%q, %v", plain, err)
	}
	for _, other := range []string{"", "b", "a\x00"} {
		if _, err := again.Open(sealed, []byte(other)); err == nil {
			t.Errorf("opened as %q", other)
		}
	}
	if _, err := again.keys.aead.Decrypt(sealed, []byte("a")); err == nil {
		t.Error("opened as a secret")
	}
	if _, err := s.SetSecret(ctx, "", "A", "value", "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(sealed, []byte("a")); err == nil {
		t.Error("opened after the keys were rotated")
	}
}
