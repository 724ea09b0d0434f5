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
	m := &people{users: map[string]*core.User{}, secrets: map[string]string{}, reader: &artifactIndex{pipelines: map[string]string{}}}
	m.bench = newBench(t, append(with, func(h *handlers) { h.Artifacts = m.reader; m.service, m.limits = h.Accounts.(*auth.Service), &h.Limits })...)
	ctx := t.Context()
	for name, role := range map[string]core.Role{"viewer": core.RoleViewer, "developer": core.RoleDeveloper, "admin": core.RoleAdmin, "up": core.RoleViewer,
		"down": core.RoleDeveloper, "shut": core.RoleDeveloper} {
		user, err := m.service.CreateUser(ctx, name, core.UserChange{Role: &role})
		if err != nil {
			t.Fatal(err)
		}
		m.users[name] = user
		m.secrets[name] = m.token(core.NewToken{UserID: user.ID})
	}
	m.other, _ = m.pipeline()
	admin := m.users["admin"].ID
	m.secrets["scoped"] = m.token(core.NewToken{UserID: admin, Scopes: []string{"executions:read"}})
	m.secrets["other"] = m.token(core.NewToken{UserID: admin, PipelineIDs: []string{m.other}})
	m.secrets["capped"] = m.token(core.NewToken{UserID: admin, Role: core.RoleViewer})
	return m
}

func (m *people) token(n core.NewToken) string {
	m.t.Helper()
	n.Name = "t"
	secret, _, err := m.service.CreateToken(m.t.Context(), &core.Identity{Role: core.RoleAdmin}, n)
	if err != nil {
		m.t.Fatal(err)
	}
	return secret
}

// pipeline makes a pipeline with an execution that has ended.
func (m *people) pipeline() (pipeline, execution string) {
	m.t.Helper()
	pipeline = m.create()
	execution = m.trigger(pipeline)
	e, err := m.store.Execution(m.t.Context(), execution)
	if err == nil {
		e.Status = core.StatusSuccess
		err = m.store.UpdateExecution(m.t.Context(), e)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return pipeline, execution
}

// The ways of coming in.
const (
	byToken   = "token"
	bySession = "session"
	byCookie  = "cookie"
)

func (m *people) ways(role string) []string {
	if role == "developer" { // one is enough to show that it makes no difference
		return []string{byToken, bySession, byCookie}
	}
	return []string{byToken}
}

// owner is whose things a role may end.
func (m *people) owner(role string) *core.User {
	if user := m.users[role]; user != nil {
		return user
	}
	return m.users["admin"]
}

func (m *people) login(secret string) *core.Login {
	m.t.Helper()
	login, err := m.service.Login(m.t.Context(), secret, core.ClientInfo{})
	if err != nil {
		m.t.Fatal(err)
	}
	return login
}

func (m *people) enter(request *http.Request, role, way string) {
	secret := m.secrets[role]
	switch {
	case role == "none":
	case way == byToken:
		request.Header.Set("Authorization", "Bearer "+secret)
	case way == bySession:
		request.Header.Set("Authorization", "Bearer "+m.login(secret).Access)
	default:
		login := m.login(secret)
		request.AddCookie(&http.Cookie{Name: accessCookie, Value: login.Access, Expires: time.Now().Add(time.Hour)})
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}

// call makes a request as somebody, with their token and more headers.
func (m *people) call(role, method, path, body string, headers ...string) answer {
	m.t.Helper()
	request, err := http.NewRequestWithContext(m.t.Context(), method, m.server.URL+"/api"+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	m.enter(request, role, byToken)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return m.send(request)
}

func (m *people) grant(name, pipeline string, role core.Role) {
	m.t.Helper()
	if _, err := m.service.SetGrant(m.t.Context(), &core.Identity{}, name, pipeline, role); err != nil {
		m.t.Fatal(err)
	}
}
