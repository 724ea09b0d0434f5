package secrets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

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

// hooked calls back after each write.
type hooked struct {
	*memory.Store
	after func()
}

func (h *hooked) PutSecret(ctx context.Context, s *core.Secret) error {
	err := h.Store.PutSecret(ctx, s)
	h.after()
	return err
}

// The file of keys cannot be written, at the begin of a rotation or at its end: it
// fails, everything stays readable, and when the fault is gone it comes to its end.
func TestRotateOnABrokenDisk(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"begin", "end"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys")
			block := func() {
				if err := os.MkdirAll(filepath.Join(path+".new", "full"), 0o700); err != nil {
					t.Error(err)
				}
			}
			store := &hooked{newStore(t), func() {}}
			s := open(t, store, path, nil)
			set(t, s, "", "A", "value")
			if when == "begin" {
				block()
			}
			store.after = block
			if _, err := s.Rotate(t.Context()); err == nil {
				t.Fatal("the rotation did not notice")
			}
			store.after = func() {}
			set(t, s, "", "B", "set in between")
			for _, s := range []*Service{s, open(t, store, path, nil)} {
				if got, err := s.Resolve(t.Context(), "", []string{"A", "B"}); err != nil || got["A"] != "value" {
					t.Errorf("%v, %v", got, err)
				}
			}
			if err := os.RemoveAll(path + ".new"); err != nil {
				t.Fatal(err)
			}
			if n, err := s.Rotate(t.Context()); n != 2 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			if keys := s.keys.handle.KeysetInfo().GetKeyInfo(); len(keys) != 1 {
				t.Errorf("%d keys are left", len(keys))
			}
		})
	}
}

// What is deleted while keys change stays deleted, what is set has its new value, and
// what is read is there all the time.
func TestRotateWhileInUse(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	s := open(t, store, filepath.Join(t.TempDir(), "keys"), nil)
	for i := range 20 {
		set(t, s, "", fmt.Sprint("GONE", i), "value")
		set(t, s, "p", fmt.Sprint("CHANGED", i), "before")
	}
	set(t, s, "", "KEPT", "value")
	var all sync.WaitGroup
	do := func(times int, f func(i int) error) {
		all.Go(func() {
			for i := range times {
				if err := f(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	do(5, func(int) error { _, err := s.Rotate(t.Context()); return err })
	do(20, func(i int) error { return s.DeleteSecret(t.Context(), "", fmt.Sprint("GONE", i)) })
	do(20, func(i int) error {
		_, err := s.SetSecret(t.Context(), "p", fmt.Sprint("CHANGED", i), "after", "ann")
		return err
	})
	do(200, func(int) error { _, err := s.Resolve(t.Context(), "p", []string{"KEPT", "CHANGED1"}); return err })
	all.Wait()
	if left, err := s.ListSecrets(t.Context(), ""); err != nil || len(left) != 1 {
		t.Errorf("%d global secrets are left, %v", len(left), err)
	}
	for i := range 20 {
		name := fmt.Sprint("CHANGED", i)
		if got, err := s.Resolve(t.Context(), "p", []string{name}); err != nil || got[name] != "after" {
			t.Errorf("%v, %v", got, err)
		}
	}
}

// A secret that is deleted after a rotation has read it does not come back.
func TestDeletedWhileRotating(t *testing.T) {
	t.Parallel()
	store := &hooked{newStore(t), func() {}}
	s := open(t, store, filepath.Join(t.TempDir(), "keys"), nil)
	set(t, s, "", "A", "value")
	set(t, s, "", "B", "value")
	deleted := make(chan error, 1)
	var once sync.Once
	store.after = func() { // A has been written, and B has been read
		once.Do(func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				deleted <- s.DeleteSecret(t.Context(), "", "B")
			}()
			select {
			case <-done:
			case <-time.After(100 * time.Millisecond): // it waits for the rotation
			}
		})
	}
	if _, err := s.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if left, err := s.ListSecrets(t.Context(), ""); err != nil || len(left) != 1 {
		t.Errorf("%d secrets are left, %v", len(left), err)
	}
}

func TestRotateRemovesWhatNoPipelineHas(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	s := open(t, store, filepath.Join(t.TempDir(), "keys"), nil)
	set(t, s, "p", "A", "value")
	set(t, s, "", "B", "value")
	if err := store.DeletePipeline(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Rotate(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if left, err := store.AllSecrets(t.Context()); err != nil || len(left) != 1 || left[0].Name != "B" {
		t.Errorf("%v, %v", left, err)
	}
}

// A secret that the keys do not open stops a rotation before anything is lost, and the
// error says which.
func TestRotateWithForeignSecret(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	s := open(t, store, filepath.Join(t.TempDir(), "keys"), nil)
	set(t, s, "", "A", "value")
	if err := store.PutSecret(t.Context(), &core.Secret{Name: "FOREIGN", Ciphertext: []byte("of other keys")}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Rotate(t.Context())
	var e *core.Error
	if !errors.As(err, &e) || e.Message != "secret FOREIGN (global) cannot be decrypted with the keys of this server" {
		t.Errorf("%v", err)
	}
	if err := s.DeleteSecret(t.Context(), "", "FOREIGN"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Rotate(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
