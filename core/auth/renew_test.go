package auth

import (
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// Whoever was let in is asked for again: what has changed counts, and that an access
// token has expired does not.
func TestRenew(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	ann := b.user("ann", core.RoleViewer)
	secret, token := b.token(ann, core.NewToken{})
	in := b.login(ann)
	bySession, byToken := b.letIn(in.Access, "ann", core.RoleViewer), b.letIn(secret, "ann", core.RoleViewer)
	operator := b.letIn(operatorToken, "admin", core.RoleAdmin)
	b.forward(time.Hour)
	b.keptOut(in.Access)
	if _, err := b.UpdateUser(ctx, b.admin(), "ann", core.UserChange{Role: pointer(core.RoleDeveloper)}); err != nil {
		t.Fatal(err)
	}
	for _, who := range []*core.Identity{bySession, byToken} {
		now, err := b.Renew(ctx, who)
		if err != nil || now.Role != core.RoleDeveloper || now.SessionID != who.SessionID || now.TokenID != who.TokenID {
			t.Errorf("%+v, %v", now, err)
		}
	}
	if err := b.EndSession(ctx, "", bySession.SessionID, "x"); err != nil {
		t.Fatal(err)
	}
	if err := b.RevokeToken(ctx, "", token.ID); err != nil {
		t.Fatal(err)
	}
	for _, who := range []*core.Identity{bySession, byToken, {UserID: ann.ID, TokenID: "none"}, {UserID: ann.ID, SessionID: "none"}} {
		_, err := b.Renew(ctx, who)
		wantCode(t, core.CodeUnauthenticated, err)
	}
	if now, err := b.Renew(ctx, operator); err != nil || now.Role != core.RoleAdmin {
		t.Errorf("%+v, %v", now, err)
	}
}
