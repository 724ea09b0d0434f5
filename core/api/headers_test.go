package api

import (
	"net/http"
	"testing"
)

// Every answer has what keeps browsers from doing more with it than is meant, whatever
// it is.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	pipeline, _ := p.pipeline()
	for _, path := range []string{"/healthchecker", "/nothing", "/ci/pipelines", "/ci/pipelines/" + pipeline + "/yaml", "/sessions/me"} {
		a := p.call("viewer", "GET", path, "")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "private, no-cache", "Strict-Transport-Security": "",
			"Access-Control-Allow-Origin": ""} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	p := newPeople(t, func(h *handlers) {
		h.Origins, h.Web.Credentials, h.Web.Methods = []string{"https://a.example"}, true, []string{"GET", "POST"}
	})
	a := p.call("viewer", "GET", "/ci/pipelines", "", "Origin", "https://a.example")
	if a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Origin") != "https://a.example" || a.header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := p.call("viewer", "GET", "/ci/pipelines", "", "Origin", "https://b.example"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", a.header)
	}
	for method, allowed := range map[string]bool{"POST": true, "DELETE": false} {
		a := p.call("none", "OPTIONS", "/ci/pipelines", "", "Origin", "https://a.example", "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization")
		if (a.header.Get("Access-Control-Allow-Methods") != "") != allowed || a.status >= http.StatusBadRequest {
			t.Errorf("%s: %d %v", method, a.status, a.header)
		}
	}
	for _, d := range []Deps{{Origins: []string{"*"}, Web: Web{Credentials: true}}, {Origins: []string{"example.com"}}, {Origins: []string{"https://a/b"}}, {Web: Web{PublicURL: "example"}}} {
		if _, err := newHandlers(d); err == nil {
			t.Errorf("%+v is accepted", d.Origins)
		}
	}
	if _, err := newHandlers(Deps{Origins: []string{"*"}}); err != nil {
		t.Errorf("pages of everybody, without cookies: %v", err)
	}
}
