package auth

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func TestLifeOfAToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ann := b.user("Ann", core.RoleDeveloper)
	secret, token := b.token(ann, core.NewToken{Name: " ci ", ExpiresAt: pointer(b.clock().Add(time.Hour))})
	if !strings.HasPrefix(secret, token.Prefix) || len(token.Prefix) != len(tokenPrefix)+shown || len(secret) < 40 || token.Name != "ci" || strings.Contains(token.Hash, secret) {
		t.Errorf("%+v of %s", token, secret)
	}
	who := b.letIn(secret, "ann", core.RoleDeveloper)
	if who.TokenID != token.ID || who.UserID != ann.ID || who.Limited() {
		t.Errorf("%+v", who)
	}
	for _, wrong := range []string{secret[:len(secret)-1], secret + "x", strings.ToUpper(secret), " " + secret, token.Prefix, token.Hash, token.ID, tokenPrefix} {
		b.keptOut(wrong)
	}
	b.forward(time.Hour)
	b.keptOut(secret)

	second, other := b.token(ann, core.NewToken{})
	bob := b.user("bob", core.RoleViewer)
	wantCode(t, core.CodeNotFound, b.RevokeToken(t.Context(), bob.ID, other.ID))
	b.letIn(second, "ann", core.RoleDeveloper)
	for range 2 {
		if err := b.RevokeToken(t.Context(), ann.ID, other.ID); err != nil {
			t.Error(err)
		}
	}
	b.keptOut(second)
	wantCode(t, core.CodeNotFound, b.RevokeToken(t.Context(), "", "none"))
}

// The rights of a token are those that its user has now.
func TestTokensFollowTheirUser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ann := b.user("ann", core.RoleAdmin)
	secret, _ := b.token(ann, core.NewToken{})
	b.letIn(secret, "ann", core.RoleAdmin)
	change := func(c core.UserChange) {
		t.Helper()
		if _, err := b.UpdateUser(t.Context(), b.admin(), "ann", c); err != nil {
			t.Fatal(err)
		}
	}
	change(core.UserChange{Role: pointer(core.RoleViewer)})
	if _, err := b.SetGrant(t.Context(), b.admin(), "ann", "p", core.RoleDeveloper); err != nil {
		t.Fatal(err)
	}
	if who := b.letIn(secret, "ann", core.RoleViewer); who.RoleOn("p") != core.RoleDeveloper {
		t.Errorf("%+v", who)
	}
	change(core.UserChange{Disabled: pointer(true)})
	b.keptOut(secret)
	_, _, err := b.CreateLink(t.Context(), ann.ID)
	wantCode(t, core.CodeConflict, err)
	change(core.UserChange{Disabled: pointer(false)})
	b.letIn(secret, "ann", core.RoleViewer)
	if err := b.DeleteUser(t.Context(), b.admin(), "ann"); err != nil {
		t.Fatal(err)
	}
	b.keptOut(secret)
}

func TestLimitsOfATokenStay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	secret, _ := b.token(b.user("ann", core.RoleAdmin), core.NewToken{Role: core.RoleDeveloper, Scopes: []string{"executions:write"}, PipelineIDs: []string{"p"}})
	session, err := b.Login(t.Context(), secret, core.ClientInfo{})
	if err != nil {
		t.Fatal(err)
	}
	refreshed, err := b.Refresh(t.Context(), session.Refresh, core.ClientInfo{})
	if err != nil {
		t.Fatal(err)
	}
	for name, bearer := range map[string]string{"the token": secret, "its session": session.Access, "that session later": refreshed.Access} {
		who := b.letIn(bearer, "ann", core.RoleAdmin)
		got := map[string]bool{"trigger": b.Allowed(who, "triggerPipeline", "p"), "trigger another": b.Allowed(who, "triggerPipeline", "other"),
			"update": b.Allowed(who, "updatePipeline", "p"), "make a token": b.Allowed(who, "createToken", ""), "users": b.Allowed(who, "listUsers", "")}
		want := map[string]bool{"trigger": true, "trigger another": false, "update": false, "make a token": false, "users": false}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if err := b.RevokeToken(t.Context(), "", session.Session.TokenID); err != nil {
		t.Fatal(err)
	}
	b.keptOut(refreshed.Access)
	_, err = b.Refresh(t.Context(), refreshed.Refresh, core.ClientInfo{})
	wantCode(t, core.CodeUnauthenticated, err)
}

func TestWhatTokensCanBe(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ann := b.user("ann", core.RoleDeveloper)
	self := &core.Identity{UserID: ann.ID, Name: "ann", Role: core.RoleDeveloper}
	for name, test := range map[string]struct {
		who  *core.Identity
		n    core.NewToken
		code core.ErrorCode
	}{
		"own":               {self, core.NewToken{Name: "x", Role: core.RoleViewer, Scopes: []string{"secrets:read"}}, ""},
		"own, named":        {self, core.NewToken{Name: "x", UserID: ann.ID}, ""},
		"another's":         {self, core.NewToken{Name: "x", UserID: "someone"}, core.CodeForbidden},
		"nobody's":          {b.admin(), core.NewToken{Name: "x", UserID: "someone"}, core.CodeNotFound},
		"the operator's":    {b.admin(), core.NewToken{Name: "x"}, ""},
		"no name":           {self, core.NewToken{Name: " "}, core.CodeInvalid},
		"a long name":       {self, core.NewToken{Name: strings.Repeat("x", 101)}, core.CodeInvalid},
		"a name of control": {self, core.NewToken{Name: "a\x1b[2Jb"}, core.CodeInvalid},
		"not UTF-8":         {self, core.NewToken{Name: "a\xff"}, core.CodeInvalid},
		"no such role":      {self, core.NewToken{Name: "x", Role: "root"}, core.CodeInvalid},
		"role none":         {self, core.NewToken{Name: "x", Role: core.RoleNone}, core.CodeInvalid},
		"no such scope":     {self, core.NewToken{Name: "x", Scopes: []string{"execution:write"}}, core.CodeInvalid},
		"too many":          {self, core.NewToken{Name: "x", PipelineIDs: make([]string, 101)}, core.CodeInvalid},
		"an empty pipeline": {self, core.NewToken{Name: "x", PipelineIDs: []string{""}}, core.CodeInvalid},
		"expired":           {self, core.NewToken{Name: "x", ExpiresAt: pointer(b.clock())}, core.CodeInvalid},
	} {
		_, _, err := b.CreateToken(t.Context(), test.who, test.n)
		if core.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTooManyTokens(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ann := b.user("ann", core.RoleViewer)
	var last *core.Token
	for range MaxTokens {
		_, last = b.token(ann, core.NewToken{})
	}
	more := core.NewToken{Name: "x", UserID: ann.ID}
	_, _, err := b.CreateToken(t.Context(), b.admin(), more)
	wantCode(t, core.CodeConflict, err)
	if err := b.RevokeToken(t.Context(), "", last.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.CreateToken(t.Context(), b.admin(), more)
	wantCode(t, "", err)
}

// The last use is known to a minute, and costs one write in it.
func TestLastUse(t *testing.T) {
	t.Parallel()
	count := &touches{}
	b := newBench(t, func(o *Options) { count.Store = o.Store; o.Store = count })
	secret, token := b.token(b.user("ann", core.RoleViewer), core.NewToken{})
	for range 3 {
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, err := b.Identify(t.Context(), secret); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		got, err := b.store.Token(t.Context(), token.ID)
		if err != nil || got.LastUsedAt == nil || !got.LastUsedAt.Equal(b.clock()) {
			t.Errorf("last used %v, %v", got.LastUsedAt, err)
		}
		b.forward(time.Minute)
	}
	if count.n != 3 {
		t.Errorf("%d writes", count.n)
	}
}

// A link lets one in, once and soon, and is no API token.
func TestLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ann := b.user("ann", core.RoleViewer)
	link, token, err := b.CreateLink(t.Context(), ann.ID)
	if err != nil || !strings.HasPrefix(link, linkPrefix) || token.ExpiresAt.Sub(b.clock()) != linkLife {
		t.Fatalf("%+v, %v", token, err)
	}
	b.keptOut(link)
	var group sync.WaitGroup
	var mu sync.Mutex
	in := 0
	for range 10 {
		group.Go(func() {
			login, err := b.Login(t.Context(), link, core.ClientInfo{})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				in++
				b.letIn(login.Access, "ann", core.RoleViewer)
			} else {
				wantCode(t, core.CodeUnauthenticated, err)
			}
		})
	}
	group.Wait()
	if in != 1 {
		t.Errorf("%d got in", in)
	}
	late, _, err := b.CreateLink(t.Context(), ann.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.forward(linkLife)
	_, err = b.Login(t.Context(), late, core.ClientInfo{})
	wantCode(t, core.CodeUnauthenticated, err)
	_, _, err = b.CreateLink(t.Context(), "none")
	wantCode(t, core.CodeNotFound, err)
}
