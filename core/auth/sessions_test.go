package auth

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

func TestLifeOfASession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ann := b.user("ann", core.RoleDeveloper)
	login := b.login(ann)
	if who := b.letIn(login.Access, "ann", core.RoleDeveloper); who.SessionID != login.Session.ID || who.Limited() {
		t.Errorf("%+v", who)
	}
	b.keptOut(login.Refresh)
	if login.Session.Address != "192.0.2.1" || login.Session.UserAgent != "test" || login.Session.Method != "link" {
		t.Errorf("%+v", login.Session)
	}
	b.forward(15*time.Minute + 10*time.Second)
	b.keptOut(login.Access)
	next, err := b.Refresh(t.Context(), login.Refresh, core.ClientInfo{Address: "192.0.2.2", UserAgent: strings.Repeat("é", 1000)})
	if err != nil || next.Refresh == login.Refresh || next.Session.ID != login.Session.ID || next.Session.Address != "192.0.2.2" || len(next.Session.UserAgent) > maxAgent {
		t.Fatalf("%+v, %v", next, err)
	}
	b.letIn(next.Access, "ann", core.RoleDeveloper)

	if err := b.EndSession(t.Context(), ann.ID, next.Session.ID, "logged out"); err != nil {
		t.Fatal(err)
	}
	b.keptOut(next.Access) // at once, though the access token has not expired
	_, err = b.Refresh(t.Context(), next.Refresh, core.ClientInfo{})
	wantCode(t, core.CodeUnauthenticated, err)
}

// A refresh token that is used twice ends the session, whichever of the two was the
// thief's, however long ago the token was good.
func TestReuse(t *testing.T) {
	t.Parallel()
	for _, generations := range []int{1, 2, 50} {
		b := newBench(t)
		ann := b.user("ann", core.RoleViewer)
		other := b.login(ann)
		stolen := b.login(ann)
		current := stolen
		for range generations {
			var err error
			if current, err = b.Refresh(t.Context(), current.Refresh, core.ClientInfo{}); err != nil {
				t.Fatal(err)
			}
			b.forward(time.Minute)
		}
		current2, err := b.Refresh(t.Context(), stolen.Refresh, core.ClientInfo{})
		wantCode(t, core.CodeUnauthenticated, err)
		if current2 != nil {
			t.Error("the thief got tokens")
		}
		b.keptOut(current.Access)
		_, err = b.Refresh(t.Context(), current.Refresh, core.ClientInfo{})
		wantCode(t, core.CodeUnauthenticated, err)
		session, err := b.store.Session(t.Context(), stolen.Session.ID)
		if err != nil || session.RevokedAt == nil || !strings.Contains(session.RevokeReason, "twice") {
			t.Errorf("%+v, %v", session, err)
		}
		if _, err := b.Refresh(t.Context(), other.Refresh, core.ClientInfo{}); err != nil {
			t.Errorf("another session of the user: %v", err)
		}
	}
}

// Of many who use the same token at the same time, one gets the next at the most, and
// the session ends: there is no time of grace.
func TestReuseAtTheSameTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(b.user("ann", core.RoleViewer))
	var group sync.WaitGroup
	var mu sync.Mutex
	var got []*core.Login
	for range 10 {
		group.Go(func() {
			next, err := b.Refresh(t.Context(), login.Refresh, core.ClientInfo{})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got = append(got, next)
			} else {
				wantCode(t, core.CodeUnauthenticated, err)
			}
		})
	}
	group.Wait()
	if len(got) > 1 {
		t.Fatalf("%d got tokens", len(got))
	}
	for _, next := range got {
		b.keptOut(next.Access)
	}
}

func TestForgedRefreshTokens(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login := b.login(b.user("ann", core.RoleViewer))
	for _, forged := range []string{"", refreshPrefix, login.Refresh[:20], login.Refresh + "A", strings.TrimPrefix(login.Refresh, refreshPrefix),
		refreshPrefix + strings.Repeat("A", 64), login.Access, operatorToken, strings.Repeat("x", 1<<20), refreshPrefix + strings.Repeat("A", 1<<20)} {
		_, err := b.Refresh(t.Context(), forged, core.ClientInfo{})
		wantCode(t, core.CodeUnauthenticated, err)
	}
	if _, err := b.Refresh(t.Context(), login.Refresh, core.ClientInfo{}); err != nil {
		t.Errorf("the session ended by what was made up: %v", err)
	}
}

func TestSessionsExpire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ann := b.user("ann", core.RoleViewer)
	idle, used := b.login(ann), b.login(ann)
	began := b.clock()
	for b.clock().Sub(began) < sessionLife-sessionIdle {
		b.forward(sessionIdle - time.Hour)
		var err error
		if used, err = b.Refresh(t.Context(), used.Refresh, core.ClientInfo{}); err != nil {
			t.Fatal(err)
		}
	}
	if used.RefreshExpires.Sub(began) > sessionLife {
		t.Errorf("it lives for %s", used.RefreshExpires.Sub(began))
	}
	_, err := b.Refresh(t.Context(), idle.Refresh, core.ClientInfo{})
	wantCode(t, core.CodeUnauthenticated, err)
	b.forward(began.Add(sessionLife).Sub(b.clock()))
	_, err = b.Refresh(t.Context(), used.Refresh, core.ClientInfo{})
	wantCode(t, core.CodeUnauthenticated, err)
	b.forward(time.Second)
	if err := b.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := b.Sessions(t.Context(), ann.ID, core.Page{}); len(list) != 0 || err != nil {
		t.Errorf("%d are kept, %v", len(list), err)
	}
}

func TestLogoutEverywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ann, bob := b.user("ann", core.RoleViewer), b.user("bob", core.RoleViewer)
	here, there, his := b.login(ann), b.login(ann), b.login(bob)
	wantCode(t, core.CodeNotFound, b.EndSession(t.Context(), ann.ID, his.Session.ID, "x"))
	wantCode(t, core.CodeNotFound, b.EndSession(t.Context(), ann.ID, "none", "x"))
	if n, err := b.EndSessions(t.Context(), ann.ID, here.Session.ID, "everywhere"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	b.keptOut(there.Access)
	b.letIn(here.Access, "ann", core.RoleViewer)
	if n, err := b.EndSessions(t.Context(), ann.ID, "", "everywhere"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	b.keptOut(here.Access)
	b.letIn(his.Access, "bob", core.RoleViewer)
	if n, err := b.EndSessions(t.Context(), "", "", "everywhere"); n != 0 || err != nil {
		t.Errorf("nobody's: %d, %v", n, err)
	}
	// Sessions of the disabled end, and do not come back when they are enabled.
	for _, disabled := range []bool{true, false} {
		if _, err := b.UpdateUser(t.Context(), b.admin(), "bob", core.UserChange{Disabled: &disabled}); err != nil {
			t.Fatal(err)
		}
		b.keptOut(his.Access)
	}
}

// The operator's token begins a session of the first administrator.
func TestLoginByTheOperator(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	login, err := b.Login(t.Context(), operatorToken, core.ClientInfo{})
	if err != nil || login.User.Name != "admin" {
		t.Fatalf("%+v, %v", login, err)
	}
	b.letIn(login.Access, "admin", core.RoleAdmin)
	for _, wrong := range []string{"", "x", operatorToken + " ", login.Access, login.Refresh, strings.Repeat("x", 1<<20)} {
		_, err := b.Login(t.Context(), wrong, core.ClientInfo{})
		wantCode(t, core.CodeUnauthenticated, err)
	}
}

func FuzzRefresh(f *testing.F) {
	f.Add(newRefresh(make([]byte, familyBytes)))
	f.Add("pbr_AAAA")
	f.Add("pbr_" + strings.Repeat("A", 64) + "=")
	f.Fuzz(func(t *testing.T, token string) {
		family := familyOf(token)
		if family != nil && (len(family) != familyBytes || !strings.HasPrefix(token, refreshPrefix)) {
			t.Errorf("%q has the family %x", token, family)
		}
	})
}
