package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// What a browser sends by itself counts only for pages of the server's own.
func TestPagesOfOthers(t *testing.T) {
	t.Parallel()
	p := newPeople(t, func(h *handlers) {
		if err := h.origin.AddTrustedOrigin("https://trusted.example"); err != nil {
			t.Error(err)
		}
	})
	for name, test := range map[string]struct {
		method  string
		cookie  bool
		headers []string
		want    int
	}{
		"a page of ours":              {"POST", true, []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"a page of ours, told else":   {"POST", true, []string{"Origin", p.server.URL}, 200},
		"a program":                   {"POST", true, nil, 200},
		"the page of another":         {"POST", true, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"one of a neighbour":          {"POST", true, []string{"Sec-Fetch-Site", "same-site"}, 403},
		"an old browser":              {"POST", true, []string{"Origin", "https://evil.example"}, 403},
		"a sandbox":                   {"POST", true, []string{"Origin", "null"}, 403},
		"a page that is let in":       {"POST", true, []string{"Origin", "https://trusted.example", "Sec-Fetch-Site", "cross-site"}, 200},
		"reading":                     {"GET", true, []string{"Sec-Fetch-Site", "cross-site"}, 200},
		"with a token, which is none": {"POST", false, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			path := "/signing-keys/rotate"
			if test.method == "GET" {
				path = "/users"
			}
			headers := append([]string{"Cookie", accessCookie + "=" + p.login(p.secrets["admin"]).Access}, test.headers...)
			role := "none"
			if !test.cookie {
				role = "admin"
			}
			if a := p.call(role, test.method, path, "", headers...); a.status != test.want {
				t.Errorf("%d: %s", a.status, a.body)
			}
		})
	}
}

// A page of another site logs nobody in or out, by whatever method.
func TestPagesOfOthersAndSessions(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	cookies := fmt.Sprintf("%s=%s", accessCookie, p.login(p.secrets["viewer"]).Access)
	for _, test := range []struct{ method, path, body string }{
		{"POST", "/sessions/login", `{"token":"` + p.secrets["viewer"] + `","cookie":true}`},
		{"POST", "/sessions/refresh", ""}, {"POST", "/sessions/logout", ""}, {"GET", "/sessions/logout", ""},
	} {
		if a := p.call("none", test.method, test.path, test.body, "Cookie", cookies, "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s %s: %d %v", test.method, test.path, a.status, a.header)
		}
	}
	if a := p.call("none", "GET", "/sessions/me", "", "Cookie", cookies); a.status != http.StatusOK {
		t.Errorf("the session is gone: %s", a.body)
	}
}

// What somebody may not see is told like what is not there, byte for byte.
func TestHiddenIsLikeMissing(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	pipeline, execution := p.pipeline()
	p.reader.pipelines["artifact"] = pipeline
	p.grant("viewer", pipeline, core.RoleNone)
	for _, test := range []struct{ method, path, id string }{
		{"GET", "/ci/pipelines/%s", pipeline}, {"GET", "/ci/pipelines/%s/yaml", pipeline}, {"DELETE", "/ci/pipelines/%s", pipeline},
		{"POST", "/ci/pipelines/%s/trigger", pipeline}, {"GET", "/ci/executions/%s", execution}, {"GET", "/ci/executions/%s/logs", execution},
		{"GET", "/ci/artifacts/%s", "artifact"},
	} {
		hidden := p.call("viewer", test.method, fmt.Sprintf(test.path, test.id), "")
		missing := p.call("admin", test.method, fmt.Sprintf(test.path, "00000000"), "")
		told := [2]map[string]any{}
		for i, a := range []answer{hidden, missing} {
			if a.status != http.StatusNotFound {
				t.Errorf("%s %s: %d", test.method, test.path, a.status)
			}
			if err := json.Unmarshal([]byte(a.body), &told[i]); err != nil {
				t.Fatal(err)
			}
			delete(told[i], "timestamp")
		}
		told[1]["message"] = strings.ReplaceAll(fmt.Sprint(told[1]["message"]), "00000000", test.id)
		if fmt.Sprint(told[0]) != fmt.Sprint(told[1]) {
			t.Errorf("%s %s: %v\n%v", test.method, test.path, told[0], told[1])
		}
	}
}

// However the ID of a pipeline is written, the one that is checked is the one that is
// used.
func TestNoWayAround(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	pipeline, _ := p.pipeline()
	p.grant("developer", pipeline, core.RoleNone)
	escaped := fmt.Sprintf("%%%02x%s", pipeline[0], pipeline[1:])
	for _, path := range []string{
		"/ci/pipelines/" + escaped, "/ci/pipelines/%25" + escaped[1:], "/ci//pipelines/" + pipeline, "/ci/pipelines/" + pipeline + "/", "/ci/pipelines/./" + pipeline,
		"/ci/pipelines/" + pipeline + "%2Fyaml", "/secrets?pipeline_id=" + p.other + "&pipeline_id=" + pipeline, "/secrets?pipeline_id=" + escaped,
		"/ci/pipelines/" + strings.ToUpper(pipeline),
	} {
		if a := p.call("developer", "GET", path, ""); a.status < http.StatusBadRequest || strings.Contains(a.body, "yaml_content") {
			t.Errorf("%s: %d: %s", path, a.status, a.body)
		}
	}
}

// Lists have what one may see, page by page, and say nothing of the rest.
func TestListsAreFiltered(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	var seen []string
	for i := range 9 {
		pipeline, _ := p.pipeline()
		if i%3 == 0 {
			seen = append([]string{pipeline}, seen...)
			continue
		}
		p.grant("viewer", pipeline, core.RoleNone)
	}
	seen = append(seen, p.other)
	for _, test := range []struct {
		role, path string
		want       []string
	}{{"viewer", "/ci/pipelines?limit=2", seen}, {"other", "/ci/pipelines?limit=1", []string{p.other}}} {
		var got []string
		for path := test.path; path != ""; {
			a := p.call(test.role, "GET", path, "")
			for _, item := range decoded[[]Pipeline](t, a) {
				got = append(got, item.Id)
			}
			path, _, _ = strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "</api"), ">")
		}
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: %v, want %v", test.role, got, test.want)
		}
	}
	for _, e := range decoded[[]Execution](t, p.call("viewer", "GET", "/ci/executions?limit=500", "")) {
		if !strings.Contains(fmt.Sprint(seen), e.PipelineId) {
			t.Errorf("an execution of %s", e.PipelineId)
		}
	}
}

// A body is bounded on every route, also when its length is not told.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	long := `{"name":"` + strings.Repeat("x", maxOtherBody) + `"}`
	for _, path := range []string{"/users", "/tokens", "/sessions/login"} {
		if a := p.call("admin", "POST", path, long); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", path, a.status)
		}
		request, err := http.NewRequestWithContext(t.Context(), "POST", p.server.URL+"/api"+path, struct{ *strings.Reader }{strings.NewReader(long)})
		if err != nil {
			t.Fatal(err)
		}
		p.enter(request, "admin", byToken)
		if a := p.send(request); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, of unknown length: %d", path, a.status)
		}
	}
}
