package login

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func newOIDCFlows(t *testing.T, issuer string) *Flows {
	t.Helper()
	o, err := NewOIDC(OIDCOptions{Issuer: issuer, ClientID: "client", ClientSecret: "secret", RedirectURL: "https://ci.example/back"})
	if err != nil {
		t.Fatal(err)
	}
	return NewFlows(plainSealer{}, nil, o)
}

func TestOIDCLogin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(jwt.MapClaims)
		email  string
	}{
		"verified":                  {func(jwt.MapClaims) {}, "ann@example.com"},
		"verified, as text":         {func(c jwt.MapClaims) { c["email_verified"] = "true" }, "ann@example.com"},
		"not verified":              {func(c jwt.MapClaims) { c["email_verified"] = false }, ""},
		"nothing said of verifying": {func(c jwt.MapClaims) { delete(c, "email_verified") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newOpenIDProvider(t)
			p.claims = test.change
			f := newOIDCFlows(t, p.URL)
			to, cookie := begin(t, f, "oidc", "/x")
			got, returnTo, err := f.Finish(t.Context(), "oidc", cookie, p.grant(to))
			if err != nil || returnTo != "/x" {
				t.Fatalf("%q, %v", returnTo, err)
			}
			want := &Account{Provider: p.URL, Subject: "subject-7", Method: "oidc", Login: "ann", Name: "Ann A.", Email: test.email}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A token that is not for this login, of this provider, for this client, is refused.
func TestWrongIDTokens(t *testing.T) {
	t.Parallel()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := func(claim string, value any) func(*openIDProvider) {
		return func(p *openIDProvider) { p.claims = func(c jwt.MapClaims) { c[claim] = value } }
	}
	for name, change := range map[string]func(*openIDProvider){
		"another nonce":    set("nonce", "x"),
		"no nonce":         set("nonce", ""),
		"another client":   set("aud", "another"),
		"another issuer":   set("iss", "https://evil.example"),
		"expired":          set("exp", time.Now().Add(-time.Hour).Unix()),
		"another at_hash":  set("at_hash", "x"),
		"another key":      func(p *openIDProvider) { p.sign = func(t *jwt.Token) (string, error) { return t.SignedString(other) } },
		"unsigned":         func(p *openIDProvider) { p.sign = unsigned },
		"no token":         func(p *openIDProvider) { p.sign = func(*jwt.Token) (string, error) { return "", nil } },
		"rubbish":          func(p *openIDProvider) { p.sign = func(*jwt.Token) (string, error) { return "a.b.c", nil } },
		"a shared secret":  func(p *openIDProvider) { p.sign = hmac },
		"claims of rubish": set("name", []int{1}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newOpenIDProvider(t)
			change(p)
			f := newOIDCFlows(t, p.URL)
			to, cookie := begin(t, f, "oidc", "")
			account, _, err := f.Finish(t.Context(), "oidc", cookie, p.grant(to))
			if core.CodeOf(err) != core.CodeExternal {
				t.Errorf("%+v, %v", account, err)
			}
		})
	}
}

func unsigned(token *jwt.Token) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodNone, token.Claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
}

func hmac(token *jwt.Token) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, token.Claims).SignedString([]byte("secret"))
}

// A provider that is down keeps no server from starting, and is found when it is back.
func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	p := newOpenIDProvider(t)
	f := newOIDCFlows(t, p.URL+"/nothing-here")
	if _, _, err := f.Begin(t.Context(), "oidc", ""); core.CodeOf(err) != core.CodeExternal {
		t.Errorf("%v", err)
	}
	if got := f.Names(); len(got) != 1 || got[0] != "oidc" {
		t.Errorf("%v", got)
	}
	for _, o := range []OIDCOptions{{Issuer: "id.example", RedirectURL: "x"}, {Issuer: "https://id.example"}, {}} {
		if _, err := NewOIDC(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
