package secrets

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
	refused("without its wrapping key", "give its wrapping key", nil)
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

func TestParseWrappingKey(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, base64.StdEncoding.EncodeToString(make([]byte, KeySize)): KeySize,
		"short": -1, base64.StdEncoding.EncodeToString(make([]byte, 16)): -1, strings.Repeat("!", 44): -1} {
		key, err := ParseWrappingKey(text)
		if len(key) != max(want, 0) || (err != nil) != (want < 0) {
			t.Errorf("%q: %d bytes, %v", text, len(key), err)
		}
	}
}

// Whoever sets a wrapping key later has a file in clear: it is encrypted, and secrets
// stay what they are.
func TestWrappedLater(t *testing.T) {
	t.Parallel()
	store, path := newStore(t), filepath.Join(t.TempDir(), "keys")
	set(t, open(t, store, path, nil), "", "A", "value")
	wrap := bytes.Repeat([]byte{7}, KeySize)
	for range 2 {
		got, err := open(t, store, path, wrap).Resolve(t.Context(), "", []string{"A"})
		if err != nil || got["A"] != "value" {
			t.Errorf("%v, %v", got, err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(content, []byte("encryptedKeyset")) {
		t.Errorf("the file: %s, %v", content, err)
	}
	if _, err := Open(t.Context(), store, path, nil); err == nil {
		t.Error("it opens without the wrapping key")
	}
}

// What a write that was interrupted left behind is no hindrance, and not kept.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	store, path := newStore(t), filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path+".new", []byte("{half"), 0o644); err != nil {
		t.Fatal(err)
	}
	set(t, open(t, store, path, nil), "", "A", "value")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("the draft is still there")
	}
}

// A file that appeared in the meantime is used, not replaced.
func TestKeysThatAppear(t *testing.T) {
	t.Parallel()
	store, path := newStore(t), filepath.Join(t.TempDir(), "keys")
	first, second := open(t, store, path, nil), open(t, store, path, nil)
	set(t, first, "", "A", "value")
	set(t, second, "", "B", "value")
	if got, err := first.Resolve(t.Context(), "", []string{"A", "B"}); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}
