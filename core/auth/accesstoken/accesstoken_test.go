package accesstoken

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/store/memory"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// openSealer only binds: what is in the store can be looked at.
type openSealer struct{ keys string }

func (s openSealer) Seal(plain, context []byte) ([]byte, error) {
	return []byte(s.keys + string(context) + "|" + string(plain)), nil
}

func (s openSealer) Open(sealed, context []byte) ([]byte, error) {
	plain, found := strings.CutPrefix(string(sealed), s.keys+string(context)+"|")
	if !found {
		return nil, core.Errorf(core.CodeInternal, "sealed elsewhere")
	}
	return []byte(plain), nil
}

const secret = "a secret that has thirty-two bytes or more"

func newIssuer(t testing.TB, c *clock, store core.SigningKeyStore, secret string) *Issuer {
	t.Helper()
	i, err := New(Options{Name: "patchbay", Life: 15 * time.Minute, Secret: secret, Store: store, Sealer: openSealer{"k"}, KeyLife: 24 * time.Hour, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func issue(t testing.TB, i *Issuer) string {
	t.Helper()
	text, _, err := i.Issue(t.Context(), "u", "s")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func wantRefused(t *testing.T, i *Issuer, text string) {
	t.Helper()
	if got, err := i.Verify(t.Context(), text); core.CodeOf(err) != core.CodeUnauthenticated {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLifeOfAToken(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{"EdDSA": "", "HS256": secret} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			i := newIssuer(t, c, memory.New(), secret)
			text, expires, err := i.Issue(t.Context(), "u", "s")
			if err != nil || !expires.Equal(c.now().Add(15*time.Minute)) || len(text) > MaxLength/2 {
				t.Fatalf("%d bytes until %s, %v", len(text), expires, err)
			}
			if got, err := i.Verify(t.Context(), text); err != nil || got.UserID != "u" || got.SessionID != "s" || !got.ExpiresAt.Equal(expires) {
				t.Errorf("%+v, %v", got, err)
			}
			if unverified, _, _ := jwt.NewParser().ParseUnverified(text, jwt.MapClaims{}); unverified.Method.Alg() != name {
				t.Errorf("it is %s", unverified.Method.Alg())
			}
			c.forward(15*time.Minute - time.Second)
			if _, err := i.Verify(t.Context(), text); err != nil {
				t.Errorf("before its end: %v", err)
			}
			c.forward(time.Second + leeway)
			wantRefused(t, i, text)
			c.forward(-time.Hour) // a clock that is far behind
			wantRefused(t, i, text)
		})
	}
}

// Everything that is not exactly a token of ours is refused: each case is a good token
// but for one thing.
func TestForgeries(t *testing.T) {
	t.Parallel()
	c := newClock()
	i := newIssuer(t, c, memory.New(), "")
	good := issue(t, i)
	own, err := i.keys.signing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	public := own.public.(ed25519.PublicKey)
	_, foreign, _ := ed25519.GenerateKey(rand.Reader)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	make := func(method jwt.SigningMethod, key any, change func(jwt.MapClaims, map[string]any)) string {
		now := c.now().Unix()
		body := jwt.MapClaims{"iss": "patchbay", "aud": "patchbay-api", "sub": "u", "sid": "s", "iat": now, "nbf": now, "exp": now + 60, "jti": "1"}
		token := jwt.NewWithClaims(method, body)
		token.Header["kid"], token.Header["typ"] = own.id, kind
		change(body, token.Header)
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	signed := func(change func(jwt.MapClaims, map[string]any)) string {
		return make(jwt.SigningMethodEdDSA, own.private, change)
	}
	nothing := func(jwt.MapClaims, map[string]any) {}
	if _, err := i.Verify(t.Context(), signed(nothing)); err != nil {
		t.Fatalf("the one that the cases are made of: %v", err)
	}
	set := func(claim string, value any) string {
		return signed(func(body jwt.MapClaims, _ map[string]any) { body[claim] = value })
	}
	header := func(name string, value any) string {
		return signed(func(_ jwt.MapClaims, h map[string]any) { h[name] = value })
	}
	without := func(claim string) string {
		return signed(func(body jwt.MapClaims, _ map[string]any) { delete(body, claim) })
	}
	parts := strings.Split(good, ".")
	noneHeader := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"` + own.id + `"}`))
	for name, text := range map[string]string{
		"unsigned":                 make(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nothing),
		"unsigned, with signature": noneHeader + "." + parts[1] + "." + parts[2],
		"the public key as secret": make(jwt.SigningMethodHS256, []byte(public), nothing),
		"its PEM-less base64":      make(jwt.SigningMethodHS256, []byte(base64.StdEncoding.EncodeToString(public)), nothing),
		"HS256 with an empty key":  make(jwt.SigningMethodHS256, []byte{}, nothing),
		"RS256":                    make(jwt.SigningMethodRS256, rsaKey, nothing),
		"another key":              make(jwt.SigningMethodEdDSA, foreign, nothing),
		"no key ID":                header("kid", ""),
		"a key ID of another kind": header("kid", []string{own.id}),
		"an unknown key ID":        header("kid", "../../etc/passwd"),
		"the secret's key ID":      header("kid", secretKeyID),
		"another kind of token":    header("typ", "JWT"),
		"another issuer":           set("iss", "https://evil.example"),
		"another audience":         set("aud", "another"),
		"expired":                  set("exp", c.now().Add(-time.Minute).Unix()),
		"not yet good":             set("nbf", c.now().Add(time.Minute).Unix()),
		"issued in the future":     set("iat", c.now().Add(time.Minute).Unix()),
		"an expiry of text":        set("exp", "never"),
		"no expiry":                without("exp"),
		"no beginning":             without("nbf"),
		"no issuer":                without("iss"),
		"no audience":              without("aud"),
		"no user":                  without("sub"),
		"no session":               without("sid"),
		"another's claims":         parts[0] + "." + strings.Split(set("sub", "admin"), ".")[1] + "." + parts[2],
		"no signature":             parts[0] + "." + parts[1] + ".",
		"two parts":                parts[0] + "." + parts[1],
		"four parts":               good + ".x",
		"padded":                   good + "=",
		"white space":              good + " ",
		"empty":                    "",
		"dots":                     "..",
		"binary":                   "\x00\xff.\x00.\xff",
		"huge":                     parts[0] + "." + strings.Repeat("A", 1<<20) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, i, text)
		})
	}
}

// A token of one algorithm is refused by a server of the other one.
func TestOneAlgorithm(t *testing.T) {
	t.Parallel()
	c, store := newClock(), memory.New()
	own, shared := newIssuer(t, c, store, ""), newIssuer(t, c, store, secret)
	wantRefused(t, own, issue(t, shared))
	wantRefused(t, shared, issue(t, own))
	wantRefused(t, newIssuer(t, c, store, secret+"!"), issue(t, shared))
	for _, short := range []string{"x", strings.Repeat("x", 31)} {
		if _, err := New(Options{Secret: short}); err == nil {
			t.Errorf("a secret of %d bytes is accepted", len(short))
		}
	}
	if err := shared.Rotate(t.Context()); core.CodeOf(err) != core.CodeConflict {
		t.Errorf("rotated: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	i := newIssuer(f, newClock(), memory.New(), "")
	good := issue(f, i)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := i.Verify(t.Context(), text); err == nil && text != good {
			t.Errorf("%q is accepted", text)
		}
	})
}
