package api

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/auth"
	"github.com/patchbay-ci/patchbay/core/auth/login"
)

// forge is as much of a GitHub Enterprise Server as a login takes. Whoever comes there
// is ann, and grants everything.
type forge struct {
	*httptest.Server
	mu    sync.Mutex
	codes map[string]url.Values
	deny  bool
}

func newForge(t *testing.T) *forge {
	f := &forge{codes: map[string]url.Values{}}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /login/oauth/authorize", f.authorize)
	routes.HandleFunc("POST /login/oauth/access_token", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		asked, known := f.codes[r.FormValue("code")]
		delete(f.codes, r.FormValue("code"))
		if !known || r.FormValue("client_secret") != "s" || asked.Get("code_challenge") == "" || r.FormValue("code_verifier") == "" {
			f.write(w, map[string]string{"error": "bad_verification_code"})
			return
		}
		f.write(w, map[string]string{"access_token": "t", "token_type": "bearer"})
	})
	routes.HandleFunc("GET /api/v3/user", func(w http.ResponseWriter, _ *http.Request) {
		f.write(w, map[string]any{"id": 7, "login": "Ann", "name": "Ann A."})
	})
	routes.HandleFunc("GET /api/v3/user/emails", func(w http.ResponseWriter, _ *http.Request) {
		f.write(w, []any{map[string]any{"email": "ann@example.com", "primary": true, "verified": true}})
	})
	f.Server = httptest.NewServer(routes)
	t.Cleanup(f.Close)
	return f
}

func (f *forge) authorize(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := r.URL.Query()
	back := url.Values{"state": {asked.Get("state")}}
	if f.deny {
		back.Set("error", "access_denied")
	} else {
		back.Set("code", "code-"+asked.Get("state"))
		f.codes[back.Get("code")] = asked
	}
	http.Redirect(w, r, asked.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (f *forge) write(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// newBrowser is a client that keeps cookies and follows redirects, within the test.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// benchWithForge is a server at which accounts of a forge may log in.
func benchWithForge(t *testing.T, allow string) (*bench, *forge) {
	t.Helper()
	f := newForge(t)
	var h *handlers
	b := newBench(t, func(made *handlers) { h = made })
	policy, err := auth.ParsePolicy(allow, "developer")
	if err != nil {
		t.Fatal(err)
	}
	service, err := auth.Open(auth.Options{Store: b.store, AdminToken: token, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	github, err := login.NewGitHub(login.GitHubOptions{ClientID: "c", ClientSecret: "s", BaseURL: f.URL,
		RedirectURL: b.server.URL + "/api/sessions/oauth/github/callback"})
	if err != nil {
		t.Fatal(err)
	}
	h.Accounts, h.Logins = service, service.Logins(login.NewFlows(auth.NewSealer(), nil, github))
	return b, f
}

func visit(t *testing.T, browser *http.Client, address string) (*http.Response, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return response, body
}

// A browser goes to the forge and comes back logged in, at the page that it left.
func TestLoginByForge(t *testing.T) {
	t.Parallel()
	b, _ := benchWithForge(t, "ann")
	browser := newBrowser(t)
	response, me := visit(t, browser, b.server.URL+"/api/sessions/oauth/github?return_to=/api/sessions/me")
	if response.StatusCode != http.StatusOK || response.Request.URL.Path != "/api/sessions/me" || me["name"] != "ann" || me["role"] != "developer" || me["email"] != "ann@example.com" {
		t.Fatalf("%s %v", response.Request.URL, me)
	}
	kept := browser.Jar.Cookies(response.Request.URL)
	for _, cookie := range kept {
		if strings.Contains(cookie.Name, flowCookie) {
			t.Errorf("the cookie of the login is still there")
		}
	}
	entries, err := b.store.Audit(t.Context(), core.AuditFilter{Action: "finishOAuth"})
	if err != nil || len(entries) != 1 || entries[0].Who != "ann" || entries[0].Outcome != outcomeDone {
		t.Errorf("%+v, %v", entries, err)
	}
}

// What does not fit together lets nobody in.
func TestLoginByForgeRefused(t *testing.T) {
	t.Parallel()
	b, f := benchWithForge(t, "bob")
	begin := b.server.URL + "/api/sessions/oauth/github"
	if response, body := visit(t, newBrowser(t), begin); response.StatusCode != http.StatusForbidden {
		t.Errorf("an account that may not: %d %v", response.StatusCode, body)
	}
	for _, address := range []string{begin + "?return_to=https://evil.example", begin + "?return_to=//evil.example", begin + "?return_to=/%5Cevil.example"} {
		if response, body := visit(t, newBrowser(t), address); response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %v", address, response.StatusCode, body)
		}
	}
	if response, _ := visit(t, newBrowser(t), b.server.URL+"/api/sessions/oauth/other"); response.StatusCode != http.StatusNotFound {
		t.Errorf("another provider: %d", response.StatusCode)
	}
	for _, query := range []string{"", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"} { // the attacker's, in somebody else's browser
		if response, body := visit(t, newBrowser(t), begin+"/callback"+query); response.StatusCode != http.StatusUnauthorized || response.Header.Get("Location") != "" {
			t.Errorf("%s: %d %v", query, response.StatusCode, body)
		}
	}
	f.mu.Lock()
	f.deny = true
	f.mu.Unlock()
	if response, body := visit(t, newBrowser(t), begin); response.StatusCode != http.StatusUnauthorized || !strings.Contains(body["message"].(string), "not granted") {
		t.Errorf("denied: %d %v", response.StatusCode, body)
	}
	f.Close()
	if response, _ := visit(t, newBrowser(t), b.server.URL+"/api/sessions/logins"); response.StatusCode != http.StatusOK {
		t.Errorf("%d", response.StatusCode)
	}
}
