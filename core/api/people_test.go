package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth"
)

// people is a bench with a user of each role, and tokens with limits.
type people struct {
	*bench
	service *auth.Service
	users   map[string]*core.User
	secrets map[string]string // of tokens, by role
	other   string            // a pipeline
	reader  *artifactIndex
	kept    things
	limits  *Limits // of the server
}

// artifactIndex knows where artifacts belong; their content is another test's.
type artifactIndex struct {
	core.ArtifactReader
	pipelines map[string]string // by artifact
}

func (a *artifactIndex) Artifact(_ context.Context, id string) (*core.Artifact, error) {
	if a.pipelines[id] == "" {
		return nil, core.NotFound("artifact", id)
	}
	return &core.Artifact{ID: id, PipelineID: a.pipelines[id], Name: "n", Kind: core.ArtifactFiles}, nil
}

func (a *artifactIndex) Artifacts(context.Context, string) ([]*core.Artifact, error) { return nil, nil }

func (a *artifactIndex) OpenFile(context.Context, *core.Artifact, string) (io.ReadSeekCloser, *core.ArtifactFile, error) {
	return nil, nil, core.Errorf(core.CodeConflict, "it is not kept")
}

func (a *artifactIndex) WriteArchive(context.Context, *core.Artifact, io.Writer) error {
	return core.Errorf(core.CodeConflict, "it is not kept")
}

func newPeople(t *testing.T, with ...func(*handlers)) *people {
	t.Helper()
	p := &people{users: map[string]*core.User{}, secrets: map[string]string{}, reader: &artifactIndex{pipelines: map[string]string{}}}
	p.bench = newBench(t, append(with, func(h *handlers) {
		h.Services = &deployed{store: h.Store}
		h.Artifacts = p.reader
		p.service, p.limits = h.Accounts.(*auth.Service), &h.Limits
	})...)
	ctx := t.Context()
	for name, role := range map[string]core.Role{"viewer": core.RoleViewer, "developer": core.RoleDeveloper, "admin": core.RoleAdmin, "up": core.RoleViewer,
		"down": core.RoleDeveloper, "shut": core.RoleDeveloper} {
		user, err := p.service.CreateUser(ctx, name, core.UserChange{Role: &role})
		if err != nil {
			t.Fatal(err)
		}
		p.users[name] = user
		p.secrets[name] = p.token(core.NewToken{UserID: user.ID})
	}
	p.other, _ = p.pipeline()
	admin := p.users["admin"].ID
	p.secrets["scoped"] = p.token(core.NewToken{UserID: admin, Scopes: []string{"executions:read"}})
	p.secrets["other"] = p.token(core.NewToken{UserID: admin, PipelineIDs: []string{p.other}})
	p.secrets["capped"] = p.token(core.NewToken{UserID: admin, Role: core.RoleViewer})
	return p
}

func (p *people) token(n core.NewToken) string {
	p.t.Helper()
	n.Name = "t"
	secret, _, err := p.service.CreateToken(p.t.Context(), &core.Identity{Role: core.RoleAdmin}, n)
	if err != nil {
		p.t.Fatal(err)
	}
	return secret
}

// pipeline makes a pipeline with an execution that has ended.
func (p *people) pipeline() (pipeline, execution string) {
	p.t.Helper()
	pipeline = p.create()
	execution = p.trigger(pipeline)
	e, err := p.store.Execution(p.t.Context(), execution)
	if err == nil {
		e.Status = core.StatusSuccess
		err = p.store.UpdateExecution(p.t.Context(), e)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return pipeline, execution
}

// The ways of coming in.
const (
	byToken   = "token"
	bySession = "session"
	byCookie  = "cookie"
)

func (p *people) ways(role string) []string {
	if role == "developer" { // one is enough to show that it makes no difference
		return []string{byToken, bySession, byCookie}
	}
	return []string{byToken}
}

// owner is whose things a role may end.
func (p *people) owner(role string) *core.User {
	if user := p.users[role]; user != nil {
		return user
	}
	return p.users["admin"]
}

func (p *people) login(secret string) *core.Login {
	p.t.Helper()
	login, err := p.service.Login(p.t.Context(), secret, core.ClientInfo{})
	if err != nil {
		p.t.Fatal(err)
	}
	return login
}

func (p *people) enter(request *http.Request, role, way string) {
	secret := p.secrets[role]
	switch {
	case role == "none":
	case way == byToken:
		request.Header.Set("Authorization", "Bearer "+secret)
	case way == bySession:
		request.Header.Set("Authorization", "Bearer "+p.login(secret).Access)
	default:
		login := p.login(secret)
		request.AddCookie(&http.Cookie{Name: accessCookie, Value: login.Access, Expires: time.Now().Add(time.Hour)})
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}

// call makes a request as somebody, with their token and more headers.
func (p *people) call(role, method, path, body string, headers ...string) answer {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.server.URL+"/api"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	p.enter(request, role, byToken)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return p.send(request)
}

func (p *people) grant(name, pipeline string, role core.Role) {
	p.t.Helper()
	if _, err := p.service.SetGrant(p.t.Context(), &core.Identity{}, name, pipeline, role); err != nil {
		p.t.Fatal(err)
	}
}
