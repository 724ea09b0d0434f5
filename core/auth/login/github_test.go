package login

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func newGitHubFlows(t *testing.T, p *provider, now func() time.Time) *Flows {
	t.Helper()
	g, err := NewGitHub(GitHubOptions{ClientID: "client", ClientSecret: "secret", RedirectURL: "https://ci.example/back",
		BaseURL: p.URL + "/", Organisations: []string{"acme", "a/b", "pending"}})
	if err != nil {
		t.Fatal(err)
	}
	return NewFlows(plainSealer{}, now, g)
}

func TestGitHubLogin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		emails any
		status int
		want   string
	}{
		"a verified address":    {[]map[string]any{{"email": "old@x", "verified": true}, {"email": "ann@example.com", "primary": true, "verified": true}}, 200, "ann@example.com"},
		"one not verified":      {[]map[string]any{{"email": "ann@example.com", "primary": true, "verified": false}}, 200, ""},
		"none":                  {[]any{}, 200, ""},
		"addresses not granted": {map[string]any{}, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, "/login/oauth/access_token")
			p.answer("/api/v3/user", 200, map[string]any{"id": 583231, "login": "Ann", "name": "Ann A.", "email": "public@example.com"})
			p.answer("/api/v3/user/emails", test.status, test.emails)
			p.answer("/api/v3/user/memberships/orgs/acme", 200, map[string]any{"state": "active"})
			p.answer("/api/v3/user/memberships/orgs/pending", 200, map[string]any{"state": "pending"})
			f := newGitHubFlows(t, p, nil)
			to, cookie := begin(t, f, "github", "/pipelines?x=1#y")
			if !strings.HasPrefix(to, p.URL+"/login/oauth/authorize?") || !strings.Contains(to, "read%3Aorg") {
				t.Errorf("sent to %s", to)
			}
			got, returnTo, err := f.Finish(t.Context(), "github", cookie, p.grant(to))
			if err != nil || returnTo != "/pipelines?x=1#y" {
				t.Fatalf("%q, %v", returnTo, err)
			}
			host := strings.TrimPrefix(p.URL, "http://")
			want := &Account{Provider: "github:" + host, Subject: "583231", Method: "github", Login: "Ann", Name: "Ann A.", Email: test.want, Organisations: []string{"acme"}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What does not fit together is refused before anything is asked of the provider.
func TestStolenAndForgedReturns(t *testing.T) {
	t.Parallel()
	p := newProvider(t, "/login/oauth/access_token")
	at := time.Now()
	f := newGitHubFlows(t, p, func() time.Time { return at })
	to, cookie := begin(t, f, "github", "")
	otherTo, otherCookie := begin(t, f, "github", "")
	query := p.grant(to)
	with := func(key, value string) url.Values {
		changed := url.Values{"code": query["code"], "state": query["state"]}
		changed.Set(key, value)
		return changed
	}
	for name, test := range map[string]struct {
		provider, cookie string
		query            url.Values
		code             core.ErrorCode
	}{
		"no cookie":             {"github", "", query, core.CodeUnauthenticated},
		"another's cookie":      {"github", otherCookie, query, core.CodeUnauthenticated},
		"another's state":       {"github", cookie, p.grant(otherTo), core.CodeUnauthenticated},
		"no state":              {"github", cookie, with("state", ""), core.CodeUnauthenticated},
		"a changed cookie":      {"github", cookie[1:], query, core.CodeUnauthenticated},
		"a cookie of rubbish":   {"github", "!", query, core.CodeUnauthenticated},
		"a huge cookie":         {"github", strings.Repeat("A", 1<<20), query, core.CodeUnauthenticated},
		"no code":               {"github", cookie, with("code", ""), core.CodeInvalid},
		"a huge code":           {"github", cookie, with("code", strings.Repeat("x", 5000)), core.CodeInvalid},
		"not granted":           {"github", cookie, with("error", "access_denied"), core.CodeUnauthenticated},
		"a made-up code":        {"github", cookie, with("code", "x"), core.CodeUnauthenticated},
		"an unknown provider":   {"gitlab", cookie, query, core.CodeNotFound},
		"a provider of nothing": {"", cookie, query, core.CodeNotFound},
	} {
		_, _, err := f.Finish(t.Context(), test.provider, test.cookie, test.query)
		if core.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	at = at.Add(Life)
	if _, _, err := f.Finish(t.Context(), "github", cookie, query); core.CodeOf(err) != core.CodeUnauthenticated {
		t.Errorf("too late: %v", err)
	}
}

// A code without what its challenge was made of is worth nothing.
func TestCodeOfAnotherLogin(t *testing.T) {
	t.Parallel()
	p := newProvider(t, "/login/oauth/access_token")
	f := newGitHubFlows(t, p, nil)
	to, _ := begin(t, f, "github", "")
	stolen := p.grant(to).Get("code")
	otherTo, cookie := begin(t, f, "github", "")
	query := p.grant(otherTo)
	query.Set("code", stolen)
	if _, _, err := f.Finish(t.Context(), "github", cookie, query); core.CodeOf(err) != core.CodeUnauthenticated {
		t.Errorf("%v", err)
	}
}

func TestWhereALoginEnds(t *testing.T) {
	t.Parallel()
	f := newGitHubFlows(t, newProvider(t, "/x"), nil)
	for path, good := range map[string]bool{
		"": true, "/": true, "/pipelines/1?a=b#c": true, "/a//b": true, "/%2f%2fevil.example": true,
		"//evil.example": false, "https://evil.example": false, `/\evil.example`: false, `\\evil.example`: false, "evil": false,
		"javascript:alert(1)": false, "/\tx": false, "/\n/evil.example": false, " /": false, "/" + strings.Repeat("x", 2000): false, "/\x00": false,
	} {
		_, _, err := f.Begin(t.Context(), "github", path)
		if (err == nil) != good || err != nil && core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// A provider in trouble is not the person's fault, and its words are not passed on.
func TestGitHubInTrouble(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(p *provider){
		"no user":       func(p *provider) { p.answer("/api/v3/user", 500, "secret words") },
		"an empty user": func(p *provider) { p.answer("/api/v3/user", 200, map[string]any{}) },
		"not JSON": func(p *provider) {
			p.mux.HandleFunc("GET /api/v3/user", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>secret words")) })
		},
		"endless": func(p *provider) {
			p.mux.HandleFunc("GET /api/v3/user", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"login":"` + strings.Repeat("x", 2*maxAnswer) + `"}`))
			})
		},
		"a redirect": func(p *provider) {
			p.mux.HandleFunc("GET /api/v3/user", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://evil.example", http.StatusFound)
			})
		},
		"no token": func(p *provider) { p.token = func(url.Values) map[string]any { return map[string]any{"scope": ""} } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, "/login/oauth/access_token")
			serve(p)
			f := newGitHubFlows(t, p, nil)
			to, cookie := begin(t, f, "github", "")
			_, _, err := f.Finish(t.Context(), "github", cookie, p.grant(to))
			if core.CodeOf(err) != core.CodeExternal {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestGitHubItself(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", GitHub, GitHub + "/"} {
		g, err := NewGitHub(GitHubOptions{ClientID: "client", BaseURL: base})
		if err != nil {
			t.Fatal(err)
		}
		to, _ := begin(t, NewFlows(plainSealer{}, nil, g), "github", "")
		if !strings.HasPrefix(to, "https://github.com/login/oauth/authorize?") || g.(*gitHub).api != "https://api.github.com" {
			t.Errorf("%q: %s", base, to)
		}
	}
	for _, base := range []string{"github.example.com", "ftp://x", "://"} {
		if _, err := NewGitHub(GitHubOptions{BaseURL: base}); err == nil {
			t.Errorf("%q is accepted", base)
		}
	}
}
