package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/ratelimit"
)

// cookies returns those that an answer sets, by name.
func (a answer) cookies(t *testing.T) map[string]*http.Cookie {
	t.Helper()
	set := map[string]*http.Cookie{}
	for _, line := range a.header.Values("Set-Cookie") {
		cookie, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		set[cookie.Name] = cookie
	}
	return set
}

// carried is the header of a browser that has these cookies.
func carried(set map[string]*http.Cookie) string {
	var pairs []string
	for name, cookie := range set {
		pairs = append(pairs, name+"="+cookie.Value)
	}
	return strings.Join(pairs, "; ")
}

// A program logs in, refreshes, and is out when a token that was used comes again.
func TestSessionOfAProgram(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	a := p.call("none", "POST", "/sessions/login", `{"token":"`+p.secrets["viewer"]+`"}`)
	first := decoded[Login](t, a)
	if first.User.Name != "viewer" || *first.TokenType != "Bearer" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Set-Cookie") != "" {
		t.Fatalf("%s %v", a.body, a.header)
	}
	me := func(access *string) int {
		return p.call("none", "GET", "/sessions/me", "", "Authorization", "Bearer "+*access).status
	}
	refresh := func(token *string) answer {
		return p.call("none", "POST", "/sessions/refresh", `{"refresh_token":"`+*token+`"}`)
	}
	second := decoded[Login](t, refresh(first.RefreshToken))
	if me(first.AccessToken) != 200 || me(second.AccessToken) != 200 || *second.RefreshToken == *first.RefreshToken {
		t.Error("not refreshed")
	}
	if a := refresh(first.RefreshToken); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "used before") {
		t.Errorf("used twice: %d: %s", a.status, a.body)
	}
	if me(second.AccessToken) != 401 || refresh(second.RefreshToken).status != 401 {
		t.Error("the session of a stolen token goes on")
	}
}

// A browser has its tokens in cookies that no script reads, and never in an answer.
func TestSessionOfABrowser(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		web             Web
		headers         []string
		access, refresh string
		secure          bool
	}{
		"over HTTP":             {Web{}, nil, "patchbay_session", "patchbay_refresh", false},
		"with a public URL":     {Web{PublicURL: "https://ci.example.com"}, nil, "__Host-patchbay_session", "__Secure-patchbay_refresh", true},
		"behind a proxy":        {Web{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, []string{"X-Forwarded-Proto", "https"}, "__Host-patchbay_session", "__Secure-patchbay_refresh", true},
		"behind a made-up one":  {Web{}, []string{"X-Forwarded-Proto", "https"}, "patchbay_session", "patchbay_refresh", false},
		"always":                {Web{Cookies: CookiesAlways}, nil, "__Host-patchbay_session", "__Secure-patchbay_refresh", true},
		"never, whatever it is": {Web{Cookies: CookiesNever, PublicURL: "https://ci.example.com"}, nil, "patchbay_session", "patchbay_refresh", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeople(t, func(h *handlers) { h.Web = test.web })
			a := p.call("none", "POST", "/sessions/login", `{"token":"`+p.secrets["viewer"]+`","cookie":true}`, test.headers...)
			set := a.cookies(t)
			access, refresh := set[test.access], set[test.refresh]
			if access == nil || refresh == nil || len(set) != 2 || strings.Contains(a.body, "token\"") {
				t.Fatalf("%v: %s", a.header.Values("Set-Cookie"), a.body)
			}
			if !access.HttpOnly || !refresh.HttpOnly || access.Secure != test.secure || refresh.Secure != test.secure || access.SameSite != http.SameSiteLaxMode ||
				refresh.SameSite != http.SameSiteStrictMode || access.Path != "/" || refresh.Path != "/api/sessions" || access.Domain != "" || access.MaxAge > 900 {
				t.Errorf("%v", a.header.Values("Set-Cookie"))
			}
			with := func(set map[string]*http.Cookie) []string {
				return append([]string{"Cookie", carried(set)}, test.headers...)
			}
			if a := p.call("none", "GET", "/sessions/me", "", with(set)...); a.status != http.StatusOK {
				t.Errorf("%d: %s", a.status, a.body)
			}
			refreshed := p.call("none", "POST", "/sessions/refresh", "", with(set)...)
			if refreshed.status != http.StatusOK || len(refreshed.cookies(t)) != 2 || strings.Contains(refreshed.body, "token\"") {
				t.Errorf("%d: %s", refreshed.status, refreshed.body)
			}
			again := p.call("none", "POST", "/sessions/refresh", "", with(set)...)
			if gone := again.cookies(t); again.status != http.StatusUnauthorized || gone[test.access].MaxAge >= 0 || gone[test.refresh].MaxAge >= 0 {
				t.Errorf("used twice: %d: %v", again.status, gone)
			}
		})
	}
}

// Over HTTPS, a cookie that a neighbouring site could have set is none.
func TestForeignCookie(t *testing.T) {
	t.Parallel()
	p := newPeople(t, func(h *handlers) { h.Web.PublicURL = "https://ci.example.com" })
	cookie := accessCookie + "=" + p.login(p.secrets["viewer"]).Access
	if a := p.call("none", "GET", "/sessions/me", "", "Cookie", cookie); a.status != http.StatusUnauthorized {
		t.Errorf("%d", a.status)
	}
	if a := p.call("none", "GET", "/sessions/me", "", "Cookie", "__Host-"+cookie); a.status != http.StatusOK {
		t.Errorf("%d", a.status)
	}
}

// One logs out by whichever token there is, and by none without an error.
func TestLogout(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	for name, by := range map[string]func(*core.Login) answer{
		"access token": func(l *core.Login) answer {
			return p.call("none", "POST", "/sessions/logout", "", "Authorization", "Bearer "+l.Access)
		},
		"refresh token": func(l *core.Login) answer {
			return p.call("none", "POST", "/sessions/logout", `{"refresh_token":"`+l.Refresh+`"}`)
		},
		"access cookie": func(l *core.Login) answer {
			return p.call("none", "GET", "/sessions/logout", "", "Cookie", accessCookie+"="+l.Access)
		},
		"refresh cookie": func(l *core.Login) answer {
			return p.call("none", "POST", "/sessions/logout", "", "Cookie", refreshCookie+"="+l.Refresh)
		},
	} {
		in := p.login(p.secrets["viewer"])
		a := by(in)
		if a.status != http.StatusOK || len(a.cookies(t)) != 2 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if a := p.call("none", "GET", "/sessions/me", "", "Authorization", "Bearer "+in.Access); a.status != http.StatusUnauthorized {
			t.Errorf("%s: still in", name)
		}
	}
	if a := p.call("none", "POST", "/sessions/logout", "", "Authorization", "Bearer x"); a.status != http.StatusOK {
		t.Errorf("%d", a.status)
	}
}

// Sessions are listed and ended by whose they are, and by administrators.
func TestSessionsAreOnesOwn(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	var ins []*core.Login
	for range 3 {
		ins = append(ins, p.login(p.secrets["viewer"]))
	}
	list := decoded[[]Session](t, p.call("none", "GET", "/sessions", "", "Authorization", "Bearer "+ins[0].Access))
	current := 0
	for _, s := range list {
		if s.Current {
			current++
		}
	}
	if len(list) != 3 || current != 1 || !list[2].Current {
		t.Errorf("%+v", list)
	}
	path := "/sessions/" + ins[1].Session.ID
	if a := p.call("developer", "DELETE", path, ""); a.status != http.StatusNotFound {
		t.Errorf("by another: %d", a.status)
	}
	if a := p.call("admin", "DELETE", path, ""); a.status != http.StatusNoContent {
		t.Errorf("by an administrator: %d", a.status)
	}
	if ended := decoded[SessionsEnded](t, p.call("viewer", "POST", "/sessions/logout/all", "")); ended.Sessions != 2 {
		t.Errorf("%+v", ended)
	}
	if list := decoded[[]Session](t, p.call("admin", "GET", "/sessions?user=viewer", "")); len(list) != 3 || list[0].RevokedAt == nil || *list[1].RevokeReason != "revoked by admin" {
		t.Errorf("%+v", list)
	}
	if a := p.call("admin", "GET", "/sessions?user=none", ""); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
}

// A user's tokens are theirs, and no token is worth more than its maker.
func TestTokensAreOnesOwn(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	made := decoded[CreatedToken](t, p.call("viewer", "POST", "/tokens", `{"name":"ci","role":"admin","scopes":["pipelines:read"],"pipeline_ids":["`+p.other+`"],"expires_at":"2999-01-01T00:00:00Z"}`))
	if a := p.call("none", "GET", "/ci/pipelines/"+p.other, "", "Authorization", "Bearer "+made.Secret); a.status != http.StatusOK {
		t.Errorf("%d: %s", a.status, a.body)
	}
	if a := p.call("none", "DELETE", "/ci/pipelines/"+p.other, "", "Authorization", "Bearer "+made.Secret); a.status != http.StatusForbidden {
		t.Errorf("a viewer's token deletes: %d", a.status)
	}
	for _, body := range []string{`{}`, `{"name":"x","role":"root"}`, `{"name":"x","scopes":["all"]}`, `{"name":"x","expires_at":"soon"}`, `{"name":"x","expires_at":"2001-01-01T00:00:00Z"}`, `{"nam":"x"}`, `[]`} {
		if a := p.call("viewer", "POST", "/tokens", body); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", body, a.status)
		}
	}
	if a := p.call("viewer", "POST", "/tokens", `{"name":"x","pipeline_ids":["none"]}`); a.status != http.StatusNotFound {
		t.Errorf("a pipeline that is not there: %d", a.status)
	}
	if a := p.call("viewer", "GET", "/tokens", ""); strings.Contains(a.body, made.Secret) || !strings.Contains(a.body, *made.Token.Prefix) || len(decoded[[]Token](t, a)) != 2 {
		t.Errorf("%s", a.body)
	}
	if a := p.call("developer", "DELETE", "/tokens/"+made.Token.Id, ""); a.status != http.StatusNotFound {
		t.Errorf("by another: %d", a.status)
	}
	if a := p.call("viewer", "DELETE", "/tokens/"+made.Token.Id, ""); a.status != http.StatusNoContent {
		t.Errorf("%d", a.status)
	}
	if a := p.call("none", "GET", "/sessions/me", "", "Authorization", "Bearer "+made.Secret); a.status != http.StatusUnauthorized {
		t.Errorf("revoked: %d", a.status)
	}
}

// Who guesses is sent away for a while; who has a good token meanwhile is not.
func TestGuessing(t *testing.T) {
	t.Parallel()
	p := newPeople(t, func(h *handlers) { h.Limits.Login = ratelimit.New(ratelimit.Rate{Limit: 3, Per: 900e9}, nil) })
	for i := range 5 {
		a := p.call("none", "POST", "/sessions/login", fmt.Sprintf(`{"token":"pb_%d"}`, i))
		if want := []int{401, 401, 401, 429, 429}[i]; a.status != want || (a.status == 429) != (a.header.Get("Retry-After") != "") {
			t.Errorf("attempt %d: %d: %s", i, a.status, a.body)
		}
	}
	if a := p.call("none", "POST", "/sessions/login", `{"token":"`+p.secrets["viewer"]+`"}`); a.status != http.StatusTooManyRequests {
		t.Errorf("a right guess: %d", a.status)
	}
	if a := p.call("viewer", "GET", "/sessions/me", ""); a.status != http.StatusOK {
		t.Errorf("a request with a token: %d", a.status)
	}
}
