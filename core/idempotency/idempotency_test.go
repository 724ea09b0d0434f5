package idempotency

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

func newService(t *testing.T, store core.KeyedRequestStore) *Service {
	t.Helper()
	s, err := New(store, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func begin(t *testing.T, s *Service, r Request) *Work {
	t.Helper()
	w, err := s.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func refused(t *testing.T, s *Service, r Request, code core.ErrorCode) {
	t.Helper()
	if _, err := s.Begin(t.Context(), r); core.CodeOf(err) != code {
		t.Errorf("%v, not %s", err, code)
	}
}

var first = Request{Who: "ann", Operation: "trigger", Key: "k", Content: []byte("a")}

func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	s := newService(t, memory.New())
	w := begin(t, s, first)
	refused(t, s, first, core.CodeConflict)
	other := first
	other.Content = []byte("b")
	refused(t, s, other, core.CodeUnprocessable)
	for _, apart := range []Request{{Who: "bob", Operation: "trigger", Key: "k"}, {Who: "ann", Operation: "create", Key: "k"}, {Who: "annt", Operation: "rigger", Key: "k"}} {
		if w := begin(t, s, apart); w.Answer != nil || w.Made {
			t.Errorf("%+v: %+v", apart, w)
		}
	}
	answer := core.KeptAnswer{Status: 202, Header: map[string]string{"Location": "/x"}, Body: []byte("y")}
	if err := s.Finish(t.Context(), w, answer); err != nil {
		t.Fatal(err)
	}
	again := begin(t, s, first)
	if diff := cmp.Diff(&answer, again.Answer); diff != "" || again.TargetID != w.TargetID {
		t.Error(diff)
	}
	s.now = func() time.Time { return time.Now().Add(Retention + time.Hour) }
	late := begin(t, s, other) // after a day it is anybody's
	if late.Answer != nil || late.TargetID == w.TargetID {
		t.Errorf("%+v", late)
	}
	if err := s.Release(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	begin(t, s, first)
}

// What another process has left is taken over by one of those who ask for it.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]bool{"made": true, "not made": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			left := begin(t, newService(t, store), first)
			s := newService(t, store)
			request := first
			request.Made = func(_ context.Context, id string) (bool, error) { return made && id == left.TargetID, nil }
			var won atomic.Pointer[Work]
			var group sync.WaitGroup
			for range 16 {
				group.Go(func() {
					w, err := s.Begin(t.Context(), request)
					if err == nil && won.Swap(w) != nil {
						t.Error("two have taken it over")
					} else if err != nil && core.CodeOf(err) != core.CodeConflict {
						t.Error(err)
					}
				})
			}
			group.Wait()
			w := won.Load()
			if w == nil || w.Made != made || (w.TargetID == left.TargetID) != made {
				t.Fatalf("%+v", w)
			}
			if err := s.Finish(t.Context(), w, core.KeptAnswer{Status: 201}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTakeOverThatCannotLook(t *testing.T) {
	t.Parallel()
	s := newService(t, memory.New())
	w := begin(t, s, first)
	if err := s.Abandon(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	request, broken := first, errors.New("the store is broken")
	request.Made = func(context.Context, string) (bool, error) { return false, broken }
	if _, err := s.Begin(t.Context(), request); !errors.Is(err, broken) {
		t.Error(err)
	}
	if w := begin(t, s, first); w.Made { // what makes nothing is done again
		t.Errorf("%+v", w)
	}
}
