package auth

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth/login"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	for name, test := range map[string]struct {
		user   string
		change core.UserChange
		code   core.ErrorCode
	}{
		"all fields":        {"ann", core.UserChange{DisplayName: pointer("Ann Ä."), Email: pointer("ann@example.com"), Role: pointer(core.RoleAdmin)}, ""},
		"in upper case":     {"Bob", core.UserChange{}, ""},
		"no name":           {"", core.UserChange{}, core.CodeInvalid},
		"a name with space": {"a b", core.UserChange{}, core.CodeInvalid},
		"a path":            {"../x", core.UserChange{}, core.CodeInvalid},
		"a long name":       {strings.Repeat("x", 65), core.UserChange{}, core.CodeInvalid},
		"no such role":      {"x", core.UserChange{Role: pointer(core.Role("root"))}, core.CodeInvalid},
		"role none":         {"x", core.UserChange{Role: pointer(core.RoleNone)}, core.CodeInvalid},
		"no address":        {"x", core.UserChange{Email: pointer("@")}, core.CodeInvalid},
		"a long name shown": {"x", core.UserChange{DisplayName: pointer(strings.Repeat("x", 101))}, core.CodeInvalid},
		"a name of control": {"x", core.UserChange{DisplayName: pointer("a\nb")}, core.CodeInvalid},
	} {
		_, err := b.CreateUser(ctx, test.user, test.change)
		if core.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := b.CreateUser(ctx, "BOB", core.UserChange{})
	wantCode(t, core.CodeConflict, err)
	ann, err := b.FindUser(ctx, "Ann")
	if err != nil || ann.DisplayName != "Ann Ä." || ann.Role != core.RoleAdmin {
		t.Fatalf("%+v, %v", ann, err)
	}
	// One administrator is always left: nobody can remove himself.
	self := &core.Identity{UserID: ann.ID, Name: "ann", Role: core.RoleAdmin}
	for name, change := range map[string]core.UserChange{"role": {Role: pointer(core.RoleViewer)}, "disabled": {Disabled: pointer(true)}} {
		if _, err := b.UpdateUser(ctx, self, ann.ID, change); core.CodeOf(err) != core.CodeConflict {
			t.Errorf("own %s: %v", name, err)
		}
	}
	wantCode(t, core.CodeConflict, b.DeleteUser(ctx, self, "ann"))
	updated, err := b.UpdateUser(ctx, self, "ann", core.UserChange{DisplayName: pointer(""), Role: pointer(core.RoleAdmin)})
	if err != nil || updated.DisplayName != "" || updated.Email != "ann@example.com" {
		t.Errorf("%+v, %v", updated, err)
	}
	_, err = b.UpdateUser(ctx, self, "none", core.UserChange{})
	wantCode(t, core.CodeNotFound, err)
	wantCode(t, core.CodeNotFound, b.DeleteUser(ctx, self, "none"))
}

func TestGrants(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	b.user("ann", core.RoleViewer)
	for _, role := range []core.Role{core.RoleNone, core.RoleAdmin} {
		if _, err := b.SetGrant(ctx, b.admin(), "ann", "p", role); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.SetGrant(ctx, b.admin(), "ann", "p", "root")
	wantCode(t, core.CodeInvalid, err)
	_, err = b.SetGrant(ctx, b.admin(), "none", "p", core.RoleAdmin)
	wantCode(t, core.CodeNotFound, err)
	list, err := b.Grants(ctx, "ann")
	if err != nil || len(list) != 1 || list[0].Role != core.RoleAdmin || list[0].UpdatedBy != "admin" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := b.DeleteGrant(ctx, "ann", "p"); err != nil {
		t.Error(err)
	}
	wantCode(t, core.CodeNotFound, b.DeleteGrant(ctx, "ann", "p"))
	_, err = b.Grants(ctx, "none")
	wantCode(t, core.CodeNotFound, err)
}

func account(name, email string) *login.Account {
	return &login.Account{Provider: "github", Method: "github", Subject: "of " + name, Login: name, Email: email}
}

func TestWhoMayLogIn(t *testing.T) {
	t.Parallel()
	member := account("Ann", "ann@Example.com")
	member.Organisations = []string{"Acme"}
	oidc := &login.Account{Provider: "https://id", Method: "oidc", Subject: "7", Login: "ann", Email: ""}
	for _, test := range []struct {
		allow   string
		account *login.Account
		want    bool
	}{
		{"", member, false}, {"*", member, true}, {"ann", member, true}, {"bob, ANN", member, true}, {"an", member, false},
		{"org:acme", member, true}, {"org:other", member, false}, {"acme", member, false},
		{"@example.com", member, true}, {"@ample.com", member, false}, {"example.com", member, false},
		{"ann@example.com", member, true}, {"bob@example.com", member, false},
		{"ann", oidc, false}, {"@example.com", oidc, false}, {"ann@example.com", oidc, false}, {"*", oidc, true},
		{"@example.com", account("x", ""), false}, {"@example.com", account("@example.com", ""), false},
	} {
		p, err := ParsePolicy(test.allow, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := p.admits(test.account); got != test.want {
			t.Errorf("%q admits %s: %t", test.allow, test.account.Login, got)
		}
	}
	for _, wrong := range [][2]string{{"org:", ""}, {"@", ""}, {"x", "root"}, {"x", "none"}} {
		if _, err := ParsePolicy(wrong[0], wrong[1]); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
	p, err := ParsePolicy("org:a, x\torg:b", " Developer ")
	if diff := cmp.Diff([]string{"a", "b"}, p.Organisations()); diff != "" || p.Role != core.RoleDeveloper || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestLoginByAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) { o.Policy = Policy{Allow: []string{"*"}} })
	enter := func(a *login.Account) *core.User {
		t.Helper()
		login, err := b.LoginAccount(t.Context(), a, core.ClientInfo{})
		if err != nil {
			t.Fatal(err)
		}
		b.letIn(login.Access, login.User.Name, core.RoleViewer)
		return login.User
	}
	ann := enter(account("Ann", "ann@example.com"))
	if ann.Name != "ann" || ann.Email != "ann@example.com" {
		t.Errorf("%+v", ann)
	}
	renamed := account("anna", "")
	renamed.Subject = "of Ann"
	if again := enter(renamed); again.ID != ann.ID || again.Name != "ann" || again.Identities[0].Login != "anna" {
		t.Errorf("%+v", again)
	}
	// Nobody becomes another by a name or an address.
	other := account("ann", "ann@example.com")
	other.Provider = "https://id.example"
	if second := enter(other); second.ID == ann.ID || second.Name != "ann-2" {
		t.Errorf("%+v", second)
	}
	if fake := enter(account("admin", "")); fake.Name != "admin-2" {
		t.Errorf("%+v", fake)
	}
	if odd := enter(account("☃\x00", "")); odd.Name != "user" {
		t.Errorf("%+v", odd)
	}
	if _, err := b.UpdateUser(t.Context(), b.admin(), "ann", core.UserChange{Disabled: pointer(true)}); err != nil {
		t.Fatal(err)
	}
	_, err := b.LoginAccount(t.Context(), renamed, core.ClientInfo{})
	wantCode(t, core.CodeUnauthenticated, err)
	b.policy = Policy{}
	_, err = b.LoginAccount(t.Context(), other, core.ClientInfo{})
	wantCode(t, core.CodeForbidden, err)
}

// The first login of an account makes one user, however many there are at a time.
func TestOneUserAnAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) { o.Policy = Policy{Allow: []string{"*"}, Role: core.RoleDeveloper} })
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := b.LoginAccount(context.WithoutCancel(t.Context()), account("ann", ""), core.ClientInfo{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	users, err := b.Users(t.Context(), core.Page{})
	if err != nil || len(users) != 1 || users[0].Role != core.RoleDeveloper {
		t.Errorf("%+v, %v", users, err)
	}
}
