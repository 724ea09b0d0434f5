package accesstoken

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

func keyID(t *testing.T, text string) string {
	t.Helper()
	token, _, err := jwt.NewParser().ParseUnverified(text, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Header["kid"].(string)
}

// Keys change each day and when asked; a token stays good until it expires, and then
// its key goes.
func TestRotation(t *testing.T) {
	t.Parallel()
	c, store := newClock(), memory.New()
	i := newIssuer(t, c, store, "")
	first := issue(t, i)
	if err := i.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := issue(t, i)
	c.forward(14 * time.Minute)
	if keyID(t, first) == keyID(t, second) || keyID(t, second) != keyID(t, issue(t, i)) {
		t.Error("the key changes when asked, and only then")
	}
	for _, text := range []string{first, second} {
		if _, err := i.Verify(t.Context(), text); err != nil {
			t.Error(err)
		}
	}
	c.forward(24*time.Hour - 15*time.Minute) // the last moment of the second key
	last := issue(t, i)
	c.forward(time.Minute)
	next := issue(t, i)
	if keyID(t, last) != keyID(t, second) || keyID(t, next) == keyID(t, last) {
		t.Error("the key changes after a day")
	}
	c.forward(13 * time.Minute)
	if _, err := i.Verify(t.Context(), last); err != nil {
		t.Errorf("the last token of a key: %v", err)
	}
	c.forward(24 * time.Hour)
	issue(t, i)
	if keys, err := store.SigningKeys(t.Context()); len(keys) != 2 || err != nil {
		t.Errorf("%d keys are kept, %v", len(keys), err)
	}
}

// A restart, and another node, go on with the same keys; whoever has the store alone
// has none.
func TestKeysAreShared(t *testing.T) {
	t.Parallel()
	c, store := newClock(), memory.New()
	one, other := newIssuer(t, c, store, ""), newIssuer(t, c, store, "")
	text := issue(t, one)
	if _, err := other.Verify(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if keyID(t, issue(t, other)) != keyID(t, text) {
		t.Error("another node made a key of its own")
	}
	c.forward(rereadAfter)
	if err := one.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Verify(t.Context(), issue(t, one)); err != nil {
		t.Errorf("a key that another node made since: %v", err)
	}
	stranger, err := New(Options{Name: "patchbay", Life: time.Minute, Store: store, Sealer: openSealer{"other"}, KeyLife: time.Hour, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, stranger, text)
	issue(t, stranger)
	if _, err := one.Verify(t.Context(), text); err != nil {
		t.Errorf("keys that one cannot open are another's: %v", err)
	}
}

// failing is a store in trouble.
type failing struct{ core.SigningKeyStore }

func (failing) SigningKeys(context.Context) ([]*core.SigningKey, error) {
	return nil, core.Errorf(core.CodeUnavailable, "no database")
}

// A store in trouble is not a bad token, and says nothing about one.
func TestStoreInTrouble(t *testing.T) {
	t.Parallel()
	c := newClock()
	text := issue(t, newIssuer(t, c, memory.New(), ""))
	broken := newIssuer(t, c, failing{}, "")
	if _, err := broken.Verify(t.Context(), text); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("verify: %v", err)
	}
	if _, _, err := broken.Issue(t.Context(), "u", "s"); core.CodeOf(err) != core.CodeUnavailable {
		t.Errorf("issue: %v", err)
	}
}

// counting counts how often keys are read.
type counting struct {
	core.SigningKeyStore
	mu    sync.Mutex
	reads int
}

func (s *counting) SigningKeys(ctx context.Context) ([]*core.SigningKey, error) {
	s.mu.Lock()
	s.reads++
	s.mu.Unlock()
	return s.SigningKeyStore.SigningKeys(ctx)
}

// Made-up key IDs do not have the store read at each request, and requests at the same
// time make one key.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	c, store := newClock(), &counting{SigningKeyStore: memory.New()}
	i := newIssuer(t, c, store, "")
	foreign := issue(t, newIssuer(t, c, memory.New(), ""))
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := i.Verify(t.Context(), foreign); core.CodeOf(err) != core.CodeUnauthenticated {
				t.Errorf("foreign: %v", err)
			}
			text, _, err := i.Issue(t.Context(), "u", "s")
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := i.Verify(t.Context(), text); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	keys, err := store.SigningKeyStore.SigningKeys(t.Context())
	if len(keys) != 1 || store.reads > 2 || err != nil {
		t.Errorf("%d keys, %d reads, %v", len(keys), store.reads, err)
	}
}
