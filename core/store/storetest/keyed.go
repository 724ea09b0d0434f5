package storetest

import (
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// keyedSuite is the part of the suite about requests that may be repeated.
func keyedSuite() map[string]func(*testing.T, core.Store) {
	return map[string]func(*testing.T, core.Store){
		"keyed requests":               keyedRequests,
		"a keyed request is made once": keyedOnce,
		"expired keyed requests":       expiredKeyed,
	}
}

func keyedRequests(t *testing.T, s core.Store) {
	ctx := t.Context()
	r := filled[core.KeyedRequest](t)
	must(t, s.CreateKeyedRequest(ctx, r))
	if r.Version != 1 {
		t.Errorf("version %d", r.Version)
	}
	got, err := s.KeyedRequest(ctx, r.ID)
	must(t, err)
	same(t, r, got)
	got.Answer.Body[0], got.Answer.Header["x"] = 'x', "y"

	stale := *r
	r.Answer = &core.KeptAnswer{Status: 201, Header: map[string]string{"Location": "/x"}, Body: []byte{0, 0xff}}
	must(t, s.UpdateKeyedRequest(ctx, r))
	refused(t, core.CodeConflict, s.UpdateKeyedRequest(ctx, &stale))
	got, err = s.KeyedRequest(ctx, r.ID)
	must(t, err)
	same(t, r, got)

	must(t, s.DeleteKeyedRequest(ctx, r.ID))
	must(t, s.DeleteKeyedRequest(ctx, r.ID))
	_, err = s.KeyedRequest(ctx, r.ID)
	refused(t, core.CodeNotFound, err)
	refused(t, core.CodeNotFound, s.UpdateKeyedRequest(ctx, r))
}

func keyedOnce(t *testing.T, s core.Store) {
	onlyOne(t, func() error {
		return s.CreateKeyedRequest(t.Context(), &core.KeyedRequest{ID: "same", ExpiresAt: moment()})
	})
	onlyOne(t, func() error {
		return s.UpdateKeyedRequest(t.Context(), &core.KeyedRequest{ID: "same", ExpiresAt: moment(), Version: 1})
	})
}

func expiredKeyed(t *testing.T, s core.Store) {
	ctx := t.Context()
	for id, expires := range map[string]time.Time{"old": moment(), "new": moment().Add(time.Hour)} {
		must(t, s.CreateKeyedRequest(ctx, &core.KeyedRequest{ID: id, ExpiresAt: expires}))
	}
	if n, err := s.DeleteKeyedRequests(ctx, moment().Add(time.Minute)); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	_, err := s.KeyedRequest(ctx, "new")
	must(t, err)
}
