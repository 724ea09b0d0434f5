// Package login asks other services who somebody is: GitHub by OAuth 2.0, any other by
// OpenID Connect. Both use the authorization code flow with PKCE (RFC 7636, S256) and a
// state that is bound to the browser, as RFC 9700 asks for.
package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/patchbay-ci/patchbay/core"
)

// Account is who somebody is at another service.
type Account struct {
	// Provider and Subject together are one account for ever.
	Provider, Subject string
	// Method is the provider's name in routes and sessions: "github", "oidc".
	Method string
	Login  string
	Name   string
	// Email is verified by the provider, or empty.
	Email string
	// Organisations are those of the asked ones that they are a member of.
	Organisations []string
}

// Provider is a service that knows people.
type Provider interface {
	// Name is what the provider is called in routes.
	Name() string
	// authorize returns where the browser is sent to.
	authorize(ctx context.Context, f *flow) (string, error)
	// account exchanges the code that the browser came back with.
	account(ctx context.Context, code string, f *flow) (*Account, error)
}

// flow is what one login in one browser has to come back with. It travels in a cookie,
// sealed, so that a server keeps nothing of logins that were only begun.
type flow struct {
	Provider string    `json:"p"`
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	ReturnTo string    `json:"r"`
	Until    time.Time `json:"u"`
}

const (
	// Life is how long somebody may take to log in at the provider.
	Life = 10 * time.Minute
	// answerTimeout bounds each request to a provider, and maxAnswer what is read of
	// the answer.
	answerTimeout = 10 * time.Second
	maxAnswer     = 1 << 20
	maxReturnTo   = 1024
)

// Flows are the logins that a server offers. It is safe for concurrent use.
type Flows struct {
	providers []Provider
	sealer    core.Sealer
	now       func() time.Time
}

// NewFlows offers logins by providers. The sealer binds each to a browser; it must be
// the same on all nodes. now may be nil.
func NewFlows(sealer core.Sealer, now func() time.Time, providers ...Provider) *Flows {
	if now == nil {
		now = time.Now
	}
	return &Flows{providers: providers, sealer: sealer, now: now}
}

// Names lists the providers.
func (f *Flows) Names() []string {
	names := []string{}
	for _, p := range f.providers {
		names = append(names, p.Name())
	}
	return names
}

func (f *Flows) provider(name string) (Provider, error) {
	for _, p := range f.providers {
		if p.Name() == name {
			return p, nil
		}
	}
	e := &core.Error{Code: core.CodeNotFound, Message: fmt.Sprintf("this server has no login by %.40q", name)}
	if names := f.Names(); len(names) > 0 {
		e.Details = "it has " + strings.Join(names, ", ")
	} else {
		e.Suggestions = []string{"the operator sets GITHUB_OAUTH_CLIENT_ID and GITHUB_OAUTH_CLIENT_SECRET, or OIDC_ISSUER and its client; an API token works as well"}
	}
	return nil, e
}

// binding is what a sealed flow is bound to, so that it is nothing else.
var binding = []byte("login-flow")

// Begin returns where the browser is sent to, and the cookie it has to come back with.
// returnTo is the path of this server's to end at; another place is Invalid.
func (f *Flows) Begin(ctx context.Context, provider, returnTo string) (to, cookie string, err error) {
	p, err := f.provider(provider)
	if err != nil {
		return "", "", err
	}
	if returnTo == "" {
		returnTo = "/"
	}
	if !localPath(returnTo) {
		return "", "", &core.Error{Code: core.CodeInvalid, Message: "return_to is not a path of this server", Suggestions: []string{"use one like /pipelines"}}
	}
	begun := &flow{Provider: provider, State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), ReturnTo: returnTo, Until: f.now().Add(Life)}
	if to, err = p.authorize(ctx, begun); err != nil {
		return "", "", err
	}
	content, err := json.Marshal(begun)
	if err != nil {
		return "", "", fmt.Errorf("encode a login: %w", err)
	}
	sealed, err := f.sealer.Seal(content, binding)
	if err != nil {
		return "", "", fmt.Errorf("seal a login: %w", err)
	}
	return to, base64.RawURLEncoding.EncodeToString(sealed), nil
}

func random() string {
	bytes := make([]byte, 32)
	_, _ = rand.Read(bytes) // it never fails; see crypto/rand
	return base64.RawURLEncoding.EncodeToString(bytes)
}

// localPath reports whether a browser stays on this server with it: browsers take a
// second slash, and backslashes, for the beginning of a host.
func localPath(path string) bool {
	if len(path) > maxReturnTo || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return false
	}
	for _, r := range path {
		if r <= ' ' || r == 0x7f || r == '\\' {
			return false
		}
	}
	parsed, err := url.Parse(path)
	return err == nil && parsed.Host == "" && parsed.Scheme == ""
}

// Finish takes what the browser came back with: the cookie and the query. It returns
// Unauthenticated when that does not fit together, and External when the provider does
// not answer as it should.
func (f *Flows) Finish(ctx context.Context, provider, cookie string, query url.Values) (_ *Account, returnTo string, err error) {
	p, err := f.provider(provider)
	if err != nil {
		return nil, "", err
	}
	begun := f.open(cookie)
	if begun == nil || begun.Provider != provider || !f.now().Before(begun.Until) ||
		subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(begun.State)) != 1 {
		return nil, "", &core.Error{Code: core.CodeUnauthenticated, Message: "the login was not begun in this browser, or too long ago",
			Suggestions: []string{"log in again, with cookies allowed"}}
	}
	if query.Get("error") != "" {
		// What the provider says in words comes from the browser: it is not repeated.
		return nil, "", &core.Error{Code: core.CodeUnauthenticated, Message: "the login was not granted at " + provider, Suggestions: []string{"log in again"}}
	}
	code := query.Get("code")
	if code == "" || len(code) > maxReturnTo {
		return nil, "", &core.Error{Code: core.CodeInvalid, Message: "the answer of the login has no code", Suggestions: []string{"log in again"}}
	}
	account, err := p.account(ctx, code, begun)
	if err != nil {
		return nil, "", err
	}
	return account, begun.ReturnTo, nil
}

// open returns nil for a cookie that is not ours.
func (f *Flows) open(cookie string) *flow {
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return nil
	}
	content, err := f.sealer.Open(sealed, binding)
	if err != nil {
		return nil
	}
	var begun flow
	if json.Unmarshal(content, &begun) != nil {
		return nil
	}
	return &begun
}

// client makes requests to a provider.
func client() *http.Client {
	return &http.Client{Timeout: answerTimeout, Transport: bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// bounded cuts answers that nobody needs.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxAnswer), response.Body}
	return response, nil
}

// external is the error of a provider that does not answer as it should. The cause is
// for the log: it may have parts of the answer.
func external(provider string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var refusal *oauth2.RetrieveError
	if errors.As(err, &refusal) && (refusal.ErrorCode == "invalid_grant" || refusal.ErrorCode == "bad_verification_code") {
		return &core.Error{Code: core.CodeUnauthenticated, Message: provider + " does not accept the login: it was used before, or is too old",
			Suggestions: []string{"log in again"}, Err: err}
	}
	return &core.Error{Code: core.CodeExternal, Message: provider + " does not answer as it should", Err: err,
		Suggestions: []string{"try again; if it stays so, the operator finds the reason in the server's log"}}
}
