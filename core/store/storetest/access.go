package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// accessSuite is the part of the suite about who may do what, and who did.
func accessSuite() map[string]func(*testing.T, core.Store) {
	return map[string]func(*testing.T, core.Store){
		"users":                   users,
		"user names":              userNames,
		"a deleted user":          deletedUser,
		"grants":                  grants,
		"tokens of users":         tokensOfUsers,
		"a link is used once":     linkOnce,
		"sessions":                sessions,
		"a session changes once":  sessionOnce,
		"revoked sessions":        revokedSessions,
		"signing keys":            signingKeys,
		"audit":                   audit,
		"access: every field":     everyAccessField,
		"access: nothing there":   noAccessThere,
		"access: pages":           accessPages,
		"access: text is not SQL": oddAccess,
	}
}

func newUser(name string) *core.User {
	return &core.User{ID: newID(), Name: name, Role: core.RoleViewer, CreatedAt: moment(), UpdatedAt: moment(),
		Identities: []core.ExternalIdentity{{Provider: "github", Subject: "of " + name, Login: name}}}
}

func newSession(userID string) *core.Session {
	id := newID()
	return &core.Session{ID: id, UserID: userID, Method: "token", FamilyHash: "f" + id, RefreshHash: "r" + id, CreatedAt: moment(),
		LastUsedAt: moment(), ExpiresAt: moment().Add(time.Hour)}
}

func users(t *testing.T, s core.Store) {
	ctx := t.Context()
	ann, bob := newUser("ann"), newUser("bob")
	must(t, s.CreateUser(ctx, ann))
	must(t, s.CreateUser(ctx, bob))
	for name, read := range map[string]func() (*core.User, error){
		"ID":       func() (*core.User, error) { return s.User(ctx, ann.ID) },
		"name":     func() (*core.User, error) { return s.UserByName(ctx, "ann") },
		"identity": func() (*core.User, error) { return s.UserByIdentity(ctx, "github", "of ann") },
	} {
		got, err := read()
		if err != nil {
			t.Fatalf("by %s: %v", name, err)
		}
		same(t, ann, got)
	}
	list, err := s.Users(ctx, core.Page{})
	must(t, err)
	same(t, []*core.User{bob, ann}, list)

	stale := *ann
	ann.Role, ann.Name, ann.Identities = core.RoleAdmin, "anna", []core.ExternalIdentity{{Provider: "https://id", Subject: "7"}}
	must(t, s.UpdateUser(ctx, ann))
	refused(t, core.CodeConflict, s.UpdateUser(ctx, &stale))
	got, err := s.UserByIdentity(ctx, "https://id", "7")
	must(t, err)
	same(t, ann, got)
	_, err = s.UserByIdentity(ctx, "github", "of ann")
	refused(t, core.CodeNotFound, err)
	_, err = s.UserByName(ctx, "ann")
	refused(t, core.CodeNotFound, err)

	// The copies are the store's own.
	got.Identities[0].Subject = "another"
	got, err = s.User(ctx, ann.ID)
	must(t, err)
	same(t, ann, got)
}

// userNames: a name and an identity are one user's, whoever else wants them and however
// many at a time; what is refused changes nothing.
func userNames(t *testing.T, s core.Store) {
	ctx := t.Context()
	ann, bob := newUser("ann"), newUser("bob")
	must(t, s.CreateUser(ctx, ann))
	must(t, s.CreateUser(ctx, bob))
	other := newUser("ann")
	other.Identities = nil
	refused(t, core.CodeConflict, s.CreateUser(ctx, other))
	thief := newUser("thief")
	thief.Identities = ann.Identities
	refused(t, core.CodeConflict, s.CreateUser(ctx, thief))
	if thief.Version != 0 {
		t.Errorf("a refused user has version %d", thief.Version)
	}
	renamed := *bob
	renamed.Name = "ann"
	refused(t, core.CodeConflict, s.UpdateUser(ctx, &renamed))
	renamed = *bob
	renamed.Identities = ann.Identities
	refused(t, core.CodeConflict, s.UpdateUser(ctx, &renamed))
	_, err := s.User(ctx, thief.ID)
	refused(t, core.CodeNotFound, err)
	got, err := s.UserByIdentity(ctx, "github", "of bob")
	must(t, err)
	same(t, bob, got)

	onlyOne(t, func() error { return s.CreateUser(ctx, newUser("one")) })
}

func deletedUser(t *testing.T, s core.Store) {
	ctx := t.Context()
	ann, bob := newUser("ann"), newUser("bob")
	for _, u := range []*core.User{ann, bob} {
		must(t, s.CreateUser(ctx, u))
		must(t, s.PutGrant(ctx, &core.Grant{UserID: u.ID, PipelineID: "p", Role: core.RoleAdmin, UpdatedAt: moment()}))
		must(t, s.CreateSession(ctx, newSession(u.ID)))
		must(t, s.CreateToken(ctx, &core.Token{ID: newID(), UserID: u.ID, Hash: u.Name, CreatedAt: moment()}))
	}
	must(t, s.DeleteUser(ctx, ann.ID))
	refused(t, core.CodeNotFound, s.DeleteUser(ctx, ann.ID))
	for u, want := range map[*core.User]int{ann: 0, bob: 1} {
		grants, err := s.Grants(ctx, u.ID)
		must(t, err)
		sessions, err := s.Sessions(ctx, u.ID, core.Page{})
		must(t, err)
		tokens, err := s.Tokens(ctx, u.ID, core.Page{})
		must(t, err)
		if len(grants) != want || len(sessions) != want || len(tokens) != want {
			t.Errorf("%s has %d grants, %d sessions, %d tokens", u.Name, len(grants), len(sessions), len(tokens))
		}
	}
	again := newUser("ann") // the name and the identity are free
	must(t, s.CreateUser(ctx, again))
}

func grants(t *testing.T, s core.Store) {
	ctx := t.Context()
	put := func(user, pipeline string, role core.Role) *core.Grant {
		g := &core.Grant{UserID: user, PipelineID: pipeline, Role: role, UpdatedAt: moment(), UpdatedBy: "admin"}
		must(t, s.PutGrant(ctx, g))
		return g
	}
	put("u", "p2", core.RoleViewer)
	p1, p2 := put("u", "p1", core.RoleAdmin), put("u", "p2", core.RoleNone)
	put("other", "p1", core.RoleViewer)
	list, err := s.Grants(ctx, "u")
	must(t, err)
	same(t, []*core.Grant{p1, p2}, list)
	must(t, s.DeleteGrant(ctx, "u", "p1"))
	refused(t, core.CodeNotFound, s.DeleteGrant(ctx, "u", "p1"))
	list, err = s.Grants(ctx, "u")
	must(t, err)
	same(t, []*core.Grant{p2}, list)
}

func tokensOfUsers(t *testing.T, s core.Store) {
	ctx := t.Context()
	var of []*core.Token
	for i, user := range []string{"u", "u", "", "v"} {
		token := &core.Token{ID: newID(), UserID: user, Hash: fmt.Sprint("h", i), CreatedAt: moment()}
		must(t, s.CreateToken(ctx, token))
		of = append(of, token)
	}
	refused(t, core.CodeConflict, s.CreateToken(ctx, &core.Token{ID: of[0].ID, Hash: "another"}))
	list, err := s.Tokens(ctx, "u", core.Page{})
	must(t, err)
	same(t, []*core.Token{of[1], of[0]}, list)
	list, err = s.Tokens(ctx, "", core.Page{})
	must(t, err)
	same(t, []*core.Token{of[3], of[2], of[1], of[0]}, list)

	used, gone := moment().Add(time.Minute), moment().Add(time.Hour)
	must(t, s.TouchToken(ctx, of[0].ID, used))
	must(t, s.RevokeToken(ctx, of[0].ID, gone))
	must(t, s.TouchToken(ctx, of[0].ID, used))
	of[0].LastUsedAt, of[0].RevokedAt = &used, &gone
	for _, read := range []func() (*core.Token, error){
		func() (*core.Token, error) { return s.Token(ctx, of[0].ID) },
		func() (*core.Token, error) { return s.TokenByHash(ctx, "h0") },
	} {
		got, err := read()
		must(t, err)
		same(t, of[0], got)
	}
	refused(t, core.CodeNotFound, s.TouchToken(ctx, "none", used))
	refused(t, core.CodeNotFound, s.RevokeToken(ctx, "none", used))
}

// linkOnce: of many who revoke a token at the same time, one does.
func linkOnce(t *testing.T, s core.Store) {
	token := &core.Token{ID: newID(), Kind: core.TokenLink, Hash: "h", CreatedAt: moment()}
	must(t, s.CreateToken(t.Context(), token))
	onlyOne(t, func() error { return s.RevokeToken(t.Context(), token.ID, moment()) })
}

// onlyOne runs a write many times at once: one is taken, the others are conflicts.
func onlyOne(t *testing.T, write func() error) {
	t.Helper()
	const many = 16
	var group sync.WaitGroup
	var mu sync.Mutex
	var taken int
	for range many {
		group.Go(func() {
			err := write()
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken++
			} else {
				refused(t, core.CodeConflict, err)
			}
		})
	}
	group.Wait()
	if taken != 1 {
		t.Errorf("%d writes were taken", taken)
	}
}

func audit(t *testing.T, s core.Store) {
	ctx := t.Context()
	began := moment()
	var entries []*core.AuditEntry
	for i := range 6 {
		e := &core.AuditEntry{ID: newID(), At: began.Add(time.Duration(i) * time.Minute), Who: []string{"ann", "bob", ""}[i%3],
			Action: []string{"deleteUser", "createToken"}[i%2], Target: "t", Outcome: "done", Details: map[string]string{"n": fmt.Sprint(i)}}
		must(t, s.AppendAudit(ctx, e))
		entries = append(entries, e)
	}
	slices.Reverse(entries)
	for name, test := range map[string]struct {
		filter core.AuditFilter
		want   []*core.AuditEntry
	}{
		"all":       {core.AuditFilter{}, entries},
		"who":       {core.AuditFilter{Who: "ann"}, []*core.AuditEntry{entries[2], entries[5]}},
		"action":    {core.AuditFilter{Action: "deleteUser"}, []*core.AuditEntry{entries[1], entries[3], entries[5]}},
		"both":      {core.AuditFilter{Who: "ann", Action: "deleteUser", Target: "t"}, []*core.AuditEntry{entries[5]}},
		"nothing":   {core.AuditFilter{Target: "none"}, []*core.AuditEntry{}},
		"a page":    {core.AuditFilter{Page: core.Page{Limit: 2, After: entries[1].ID}}, entries[2:4]},
		"who, page": {core.AuditFilter{Who: "ann", Page: core.Page{Limit: 1, After: entries[2].ID}}, entries[5:]},
	} {
		got, err := s.Audit(ctx, test.filter)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, test.want, got)
	}
	refused(t, core.CodeConflict, s.AppendAudit(ctx, entries[0]))
	n, err := s.DeleteAudit(ctx, began.Add(2*time.Minute))
	if n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	got, err := s.Audit(ctx, core.AuditFilter{})
	must(t, err)
	same(t, entries[:4], got)
}
