package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

// kept is what an entry of the audit log says, without what differs each time.
type kept struct{ Who, Action, Target, Outcome, Status string }

func (p *people) audit(filter core.AuditFilter) []kept {
	p.t.Helper()
	list, err := p.store.Audit(p.t.Context(), filter)
	if err != nil {
		p.t.Fatal(err)
	}
	var got []kept
	for _, e := range list {
		if e.Address != "127.0.0.1" || e.ID == "" || e.At.IsZero() {
			p.t.Errorf("%+v", e)
		}
		got = append([]kept{{e.Who, e.Action, e.Target, e.Outcome, e.Details["status"]}}, got...)
	}
	return got
}

// Whatever changes something is kept, and whatever was refused; what is only read is not.
func TestAudit(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	pipeline, execution := p.pipeline()
	hidden, _ := p.pipeline()
	p.grant("viewer", hidden, core.RoleNone)
	before := len(p.audit(core.AuditFilter{Page: core.Page{Limit: core.MaxPageLimit}}))
	p.call("viewer", "GET", "/ci/pipelines/"+pipeline, "")
	p.call("viewer", "DELETE", "/ci/pipelines/"+pipeline, "")
	p.call("viewer", "GET", "/ci/pipelines/"+hidden, "")
	p.call("developer", "POST", "/ci/executions/"+execution+"/cancel", "")
	p.call("admin", "POST", "/users", `{"name":"new"}`)
	p.call("admin", "POST", "/users", `{"name":"new"}`)
	p.call("admin", "DELETE", "/users/new", "")
	p.call("none", "DELETE", "/users/new", "", "Authorization", "Bearer wrong")
	p.call("none", "DELETE", "/users/new", "")
	p.call("none", "POST", "/sessions/login", `{"token":"wrong"}`)
	p.call("none", "POST", "/sessions/refresh", "")
	p.call("none", "GET", "/healthchecker", "")
	want := []kept{
		{"viewer", "deletePipeline", pipeline, "refused", "403"}, {"viewer", "getPipeline", hidden, "refused", "404"},
		{"developer", "cancelExecutionByPost", execution, "done", "200"}, {"admin", "createUser", "new", "done", "201"},
		{"admin", "createUser", "", "failed", "409"}, {"admin", "deleteUser", "new", "done", "204"}, {"", "deleteUser", "new", "refused", "401"},
		{"", "login", "", "refused", "401"}, {"", "refreshSession", "", "refused", "401"},
	}
	got := p.audit(core.AuditFilter{Page: core.Page{Limit: core.MaxPageLimit}})[before:]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	list := decoded[[]AuditEntry](t, p.call("admin", "GET", "/audit?who=viewer&action=deletePipeline&limit=5", ""))
	if len(list) != 1 || *list[0].UserId != p.users["viewer"].ID {
		t.Errorf("%+v", list)
	}
}

// Nothing that lets somebody in is ever written down.
func TestAuditHasNoSecrets(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	made := decoded[CreatedToken](t, p.call("viewer", "POST", "/tokens", `{"name":"ci"}`))
	in := decoded[Login](t, p.call("none", "POST", "/sessions/login", `{"token":"`+made.Secret+`"}`))
	link := decoded[LoginLink](t, p.call("admin", "POST", "/users/viewer/login-link", ""))
	p.call("none", "POST", "/sessions/login", `{"token":"`+link.Token+`"}`)
	p.call("none", "POST", "/sessions/refresh", `{"refresh_token":"`+*in.RefreshToken+`"}`)
	p.call("none", "DELETE", "/tokens/"+made.Token.Id, "", "Authorization", "Bearer "+*in.AccessToken+"x")
	body := p.call("admin", "GET", "/audit?limit=500", "").body
	for _, secret := range []string{made.Secret, *in.AccessToken, *in.RefreshToken, link.Token} {
		if strings.Contains(body, secret) {
			t.Errorf("%.8s… is in %s", secret, body)
		}
	}
}

// A request that ends in a panic is kept as one that failed.
func TestAuditOfAPanic(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	_, execution := p.pipeline()
	p.engine = func(_ context.Context, _, _ string) error { panic("x") }
	if a := p.call("developer", "DELETE", "/ci/executions/"+execution+"/cancel", ""); a.status != http.StatusInternalServerError {
		t.Errorf("%d", a.status)
	}
	if diff := cmp.Diff([]kept{{"developer", "cancelExecution", execution, "failed", "500"}}, p.audit(core.AuditFilter{Action: "cancelExecution"})); diff != "" {
		t.Error(diff)
	}
}
