package login

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/patchbay-ci/patchbay/core"
)

// plainSealer binds without hiding, so that tests can look into cookies.
type plainSealer struct{}

func (plainSealer) Seal(plain, context []byte) ([]byte, error) {
	return []byte(string(context) + "|" + string(plain)), nil
}

func (plainSealer) Open(sealed, context []byte) ([]byte, error) {
	plain, found := strings.CutPrefix(string(sealed), string(context)+"|")
	if !found {
		return nil, core.Errorf(core.CodeInternal, "sealed elsewhere")
	}
	return []byte(plain), nil
}

// provider is a service that people log in to: it grants everything and gives codes
// that are good once, for the client that shows what the challenge was made of.
type provider struct {
	*httptest.Server
	t   *testing.T
	mux *http.ServeMux

	mu     sync.Mutex
	grants map[string]url.Values // by code: what the browser came with
	token  func(grant url.Values) map[string]any
}

func newProvider(t *testing.T, tokenPath string) *provider {
	p := &provider{t: t, mux: http.NewServeMux(), grants: map[string]url.Values{}}
	p.token = func(url.Values) map[string]any {
		return map[string]any{"access_token": "access", "token_type": "bearer"}
	}
	p.mux.HandleFunc("POST "+tokenPath, p.exchange)
	p.Server = httptest.NewServer(p.mux)
	t.Cleanup(p.Close)
	return p
}

// grant is what the person does in the browser: it returns the query that the browser
// comes back with.
func (p *provider) grant(to string) url.Values {
	p.t.Helper()
	where, err := url.Parse(to)
	if err != nil {
		p.t.Fatal(err)
	}
	asked := where.Query()
	if asked.Get("response_type") != "code" || asked.Get("client_id") != "client" || asked.Get("code_challenge_method") != "S256" ||
		asked.Get("state") == "" || asked.Get("redirect_uri") != "https://ci.example/back" {
		p.t.Errorf("the browser is sent to %s", to)
	}
	code := random()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[code] = asked
	return url.Values{"code": {code}, "state": {asked.Get("state")}}
}

func (p *provider) exchange(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.t.Error(err)
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.Form.Get("client_id"), r.Form.Get("client_secret")
	}
	p.mu.Lock()
	grant, known := p.grants[r.Form.Get("code")]
	delete(p.grants, r.Form.Get("code"))
	p.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	w.Header().Set("Content-Type", "application/json")
	if id != "client" || secret != "secret" || !known || r.Form.Get("redirect_uri") != grant.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != grant.Get("code_challenge") {
		w.WriteHeader(http.StatusBadRequest)
		p.write(w, map[string]string{"error": "invalid_grant"})
		return
	}
	p.write(w, p.token(grant))
}

func (p *provider) write(w http.ResponseWriter, body any) {
	if err := json.NewEncoder(w).Encode(body); err != nil {
		p.t.Error(err)
	}
}

// answer serves a JSON document to those who have the access token.
func (p *provider) answer(path string, status int, body any) {
	p.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer access" {
			p.t.Errorf("%s without the access token", path)
		}
		w.WriteHeader(status)
		p.write(w, body)
	})
}

// openIDProvider is a provider with a discovery document, keys and signed tokens.
type openIDProvider struct {
	*provider
	key *rsa.PrivateKey
	// claims changes what the id_token says, sign how it is signed.
	claims func(jwt.MapClaims)
	sign   func(*jwt.Token) (string, error)
}

func newOpenIDProvider(t *testing.T) *openIDProvider {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &openIDProvider{provider: newProvider(t, "/token"), key: key, claims: func(jwt.MapClaims) {}}
	p.sign = func(token *jwt.Token) (string, error) { return token.SignedString(key) }
	p.mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.write(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	p.mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.write(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())}}})
	})
	p.token = func(grant url.Values) map[string]any {
		now := time.Now()
		claims := jwt.MapClaims{"iss": p.URL, "aud": "client", "sub": "subject-7", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			"nonce": grant.Get("nonce"), "preferred_username": "ann", "name": "Ann A.", "email": "ann@example.com", "email_verified": true}
		p.claims(claims)
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
		token.Header["kid"] = "1"
		signed, err := p.sign(token)
		if err != nil {
			t.Error(err)
		}
		return map[string]any{"access_token": "access", "token_type": "bearer", "id_token": signed}
	}
	return p
}

// begin is a login up to the moment in which the browser comes back.
func begin(t *testing.T, f *Flows, name, returnTo string) (to, cookie string) {
	t.Helper()
	to, cookie, err := f.Begin(t.Context(), name, returnTo)
	if err != nil {
		t.Fatal(err)
	}
	return to, cookie
}
