package main

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// newEnterprise is a GitHub Enterprise Server at which everybody is octo. It sends
// browsers back to what registered returns, as one does with an app that names no place.
func newEnterprise(t *testing.T, registered func() string) *httptest.Server {
	write := func(w http.ResponseWriter, body any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /login/oauth/authorize", func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query()
		back := registered() + "?" + url.Values{"code": {"good"}, "state": {asked.Get("state")}}.Encode()
		http.Redirect(w, r, back, http.StatusFound)
	})
	routes.HandleFunc("POST /login/oauth/access_token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("code") != "good" || r.FormValue("client_id") != "app" || r.FormValue("client_secret") != "very-secret" || r.FormValue("code_verifier") == "" {
			t.Errorf("the code is exchanged with %v", r.Form)
		}
		write(w, map[string]string{"access_token": "t", "token_type": "bearer"})
	})
	routes.HandleFunc("GET /api/v3/user", func(w http.ResponseWriter, _ *http.Request) { write(w, map[string]any{"id": 1, "login": "octo"}) })
	routes.HandleFunc("GET /api/v3/user/emails", func(w http.ResponseWriter, _ *http.Request) { write(w, []any{}) })
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	return server
}

// A person logs in by an Enterprise Server, as the environment says, and the secrets of
// the configuration are in nothing that the server says.
func TestLoginByEnterprise(t *testing.T) {
	t.Parallel()
	var s *liveServer
	github := newEnterprise(t, func() string { return s.url + "/api/sessions/oauth/github/callback" })
	s = startServer(t, t.TempDir(), "PATCHBAY_LOG_LEVEL=trace", "GITHUB_OAUTH_CLIENT_ID=app", "GITHUB_OAUTH_CLIENT_SECRET=very-secret",
		"GITHUB_OAUTH_BASE_URL="+github.URL, "PATCHBAY_LOGIN_ALLOW=octo", "PATCHBAY_LOGIN_ROLE=developer", "JWT_SECRET=a-secret-of-more-than-thirty-two-bytes")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/sessions/oauth/github?return_to=/api/sessions/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Jar: jar}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var me struct{ Name, Role string }
	if err := json.NewDecoder(response.Body).Decode(&me); err != nil || me.Name != "octo" || me.Role != "developer" {
		t.Errorf("%s: %+v, %v", response.Request.URL, me, err)
	}
	if o := s.client("user", "list"); !strings.Contains(o.stdout, "octo") {
		t.Errorf("%+v", o)
	}
	s.signal(syscall.SIGTERM)
	for _, secret := range []string{"very-secret", "a-secret-of-more", adminToken} {
		if strings.Contains(s.stderr.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}
