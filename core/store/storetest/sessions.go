package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

func sessions(t *testing.T, s core.Store) {
	ctx := t.Context()
	first, second, other := newSession("u"), newSession("u"), newSession("v")
	for _, session := range []*core.Session{first, second, other} {
		must(t, s.CreateSession(ctx, session))
	}
	refused(t, core.CodeConflict, s.CreateSession(ctx, &core.Session{ID: newID(), FamilyHash: first.FamilyHash}))
	list, err := s.Sessions(ctx, "u", core.Page{})
	must(t, err)
	same(t, []*core.Session{second, first}, list)
	first.RefreshHash, first.ExpiresAt = "next", moment().Add(2*time.Hour)
	must(t, s.UpdateSession(ctx, first))
	got, err := s.SessionByFamily(ctx, first.FamilyHash)
	must(t, err)
	same(t, first, got)

	n, err := s.DeleteSessions(ctx, moment().Add(90*time.Minute))
	if n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	got, err = s.Session(ctx, first.ID)
	must(t, err)
	same(t, first, got)
}

func sessionOnce(t *testing.T, s core.Store) {
	session := newSession("u")
	must(t, s.CreateSession(t.Context(), session))
	onlyOne(t, func() error {
		mine := *session
		err := s.UpdateSession(t.Context(), &mine)
		if (err == nil) != (mine.Version == 2) {
			t.Errorf("version %d, %v", mine.Version, err)
		}
		return err
	})
}

func revokedSessions(t *testing.T, s core.Store) {
	ctx := t.Context()
	kept, gone, early, other := newSession("u"), newSession("u"), newSession("u"), newSession("v")
	before := moment().Add(-time.Hour)
	early.RevokedAt, early.RevokeReason = &before, "logged out"
	for _, session := range []*core.Session{kept, gone, early, other} {
		must(t, s.CreateSession(ctx, session))
	}
	at := moment()
	if n, err := s.RevokeSessions(ctx, "u", kept.ID, at, "everywhere"); n != 1 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	// Who read it before has to read it again.
	refused(t, core.CodeConflict, s.UpdateSession(ctx, gone))
	gone.RevokedAt, gone.RevokeReason, gone.Version = &at, "everywhere", 2
	list, err := s.Sessions(ctx, "u", core.Page{})
	must(t, err)
	same(t, []*core.Session{early, gone, kept}, list)
	got, err := s.Session(ctx, other.ID)
	must(t, err)
	same(t, other, got)
	if n, err := s.RevokeSessions(ctx, "u", "", at, "everywhere"); n != 1 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	if n, err := s.RevokeSessions(ctx, "u", "", at, "everywhere"); n != 0 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
}

func signingKeys(t *testing.T, s core.Store) {
	ctx := t.Context()
	var want []*core.SigningKey
	for i := range 3 {
		k := &core.SigningKey{ID: newID(), Algorithm: "EdDSA", Sealed: []byte{0, 0xff, byte(i)}, CreatedAt: moment(), SignsUntil: moment(), NotAfter: moment()}
		must(t, s.CreateSigningKey(ctx, k))
		want = append([]*core.SigningKey{k}, want...)
	}
	refused(t, core.CodeConflict, s.CreateSigningKey(ctx, want[0]))
	got, err := s.SigningKeys(ctx)
	must(t, err)
	same(t, want, got)
	got[0].Sealed[0] = 7
	must(t, s.DeleteSigningKey(ctx, want[1].ID))
	must(t, s.DeleteSigningKey(ctx, want[1].ID))
	got, err = s.SigningKeys(ctx)
	must(t, err)
	same(t, []*core.SigningKey{want[0], want[2]}, got)
}

// everyAccessField: no field is forgotten, also one that is added later.
func everyAccessField(t *testing.T, s core.Store) {
	ctx := t.Context()
	user := filled[core.User](t)
	user.Identities[1].Subject = "another"
	must(t, s.CreateUser(ctx, user))
	gotUser, err := s.User(ctx, user.ID)
	must(t, err)
	same(t, user, gotUser)
	grant := filled[core.Grant](t)
	must(t, s.PutGrant(ctx, grant))
	gotGrants, err := s.Grants(ctx, grant.UserID)
	must(t, err)
	same(t, []*core.Grant{grant}, gotGrants)
	token := filled[core.Token](t)
	must(t, s.CreateToken(ctx, token))
	gotToken, err := s.Token(ctx, token.ID)
	must(t, err)
	same(t, token, gotToken)
	gotToken.Scopes[0], *gotToken.ExpiresAt = "spoilt", time.Time{}
	gotToken, err = s.Token(ctx, token.ID)
	must(t, err)
	same(t, token, gotToken)
	session := filled[core.Session](t)
	must(t, s.CreateSession(ctx, session))
	gotSession, err := s.Session(ctx, session.ID)
	must(t, err)
	same(t, session, gotSession)
	key := filled[core.SigningKey](t)
	must(t, s.CreateSigningKey(ctx, key))
	keys, err := s.SigningKeys(ctx)
	must(t, err)
	same(t, []*core.SigningKey{key}, keys)
	entry := filled[core.AuditEntry](t)
	must(t, s.AppendAudit(ctx, entry))
	entries, err := s.Audit(ctx, core.AuditFilter{})
	must(t, err)
	same(t, []*core.AuditEntry{entry}, entries)
}

func noAccessThere(t *testing.T, s core.Store) {
	ctx := t.Context()
	for name, err := range map[string]error{
		"user":             errorOf(s.User(ctx, "none")),
		"user by name":     errorOf(s.UserByName(ctx, "none")),
		"user by identity": errorOf(s.UserByIdentity(ctx, "none", "none")),
		"update user":      s.UpdateUser(ctx, &core.User{ID: "none", Version: 1}),
		"delete user":      s.DeleteUser(ctx, "none"),
		"delete grant":     s.DeleteGrant(ctx, "none", "none"),
		"token":            errorOf(s.Token(ctx, "none")),
		"session":          errorOf(s.Session(ctx, "none")),
		"family":           errorOf(s.SessionByFamily(ctx, "none")),
		"update session":   s.UpdateSession(ctx, &core.Session{ID: "none", Version: 1}),
	} {
		if core.CodeOf(err) != core.CodeNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, empty := range map[string]func() (bool, error){
		"users":    func() (bool, error) { l, err := s.Users(ctx, core.Page{}); return l != nil && len(l) == 0, err },
		"grants":   func() (bool, error) { l, err := s.Grants(ctx, "none"); return l != nil && len(l) == 0, err },
		"tokens":   func() (bool, error) { l, err := s.Tokens(ctx, "", core.Page{}); return l != nil && len(l) == 0, err },
		"sessions": func() (bool, error) { l, err := s.Sessions(ctx, "", core.Page{}); return l != nil && len(l) == 0, err },
		"keys":     func() (bool, error) { l, err := s.SigningKeys(ctx); return l != nil && len(l) == 0, err },
		"audit":    func() (bool, error) { l, err := s.Audit(ctx, core.AuditFilter{}); return l != nil && len(l) == 0, err },
	} {
		if is, err := empty(); !is || err != nil {
			t.Errorf("%s: an empty list is empty, not nil: %t, %v", name, is, err)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

// accessPages: lists come in pages that go on where the last one ended.
func accessPages(t *testing.T, s core.Store) {
	ctx := t.Context()
	const many = 7
	for i := range many {
		must(t, s.CreateUser(ctx, newUser(fmt.Sprint("u", i))))
		must(t, s.CreateToken(ctx, &core.Token{ID: newID(), UserID: "u", Hash: fmt.Sprint(i), CreatedAt: moment()}))
		must(t, s.CreateSession(ctx, newSession("u")))
	}
	for name, next := range map[string]func(core.Page) ([]string, error){
		"users": func(p core.Page) (ids []string, err error) {
			list, err := s.Users(ctx, p)
			for _, u := range list {
				ids = append(ids, u.ID)
			}
			return ids, err
		},
		"tokens": func(p core.Page) (ids []string, err error) {
			list, err := s.Tokens(ctx, "u", p)
			for _, token := range list {
				ids = append(ids, token.ID)
			}
			return ids, err
		},
		"sessions": func(p core.Page) (ids []string, err error) {
			list, err := s.Sessions(ctx, "u", p)
			for _, session := range list {
				ids = append(ids, session.ID)
			}
			return ids, err
		},
	} {
		seen, after := 0, ""
		for {
			ids, err := next(core.Page{Limit: 3, After: after})
			must(t, err)
			if len(ids) == 0 {
				break
			}
			for _, id := range ids {
				if after != "" && id >= after {
					t.Fatalf("%s: %s comes after %s", name, id, after)
				}
				after = id
				seen++
			}
		}
		if seen != many {
			t.Errorf("%s: saw %d of %d", name, seen, many)
		}
	}
}

// oddAccess: a store has no reason to refuse or to confuse odd names.
func oddAccess(t *testing.T, s core.Store) {
	ctx := t.Context()
	for _, name := range odd {
		u := newUser(name)
		must(t, s.CreateUser(ctx, u))
		got, err := s.UserByName(ctx, name)
		must(t, err)
		same(t, u, got)
		got, err = s.UserByIdentity(ctx, "github", "of "+name)
		must(t, err)
		same(t, u, got)
		must(t, s.PutGrant(ctx, &core.Grant{UserID: "u", PipelineID: name, UpdatedAt: moment()}))
	}
	list, err := s.Grants(ctx, "u")
	must(t, err)
	for i, grant := range list {
		if grant.PipelineID != odd[i] {
			t.Errorf("at %d: %q, want %q", i, grant.PipelineID, odd[i])
		}
	}
}
