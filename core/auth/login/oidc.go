package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDCOptions are a client of an OpenID Connect provider.
type OIDCOptions struct {
	// Issuer is the provider's URL, as in its discovery document.
	Issuer                              string
	ClientID, ClientSecret, RedirectURL string
	// Scopes are asked for besides openid; profile and email if there are none.
	Scopes []string
}

type openID struct {
	options OIDCOptions
	http    *http.Client

	mu sync.Mutex // held while the provider is asked for its document
	// found is nil until it has answered once.
	found *oidc.Provider
}

// NewOIDC makes the provider "oidc". It makes no requests: a provider that is down
// keeps nobody from starting a server.
func NewOIDC(o OIDCOptions) (Provider, error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Scheme != "http" {
		return nil, fmt.Errorf("OIDC_ISSUER: %.100q is not like https://id.example.com", o.Issuer)
	}
	if o.RedirectURL == "" {
		return nil, errors.New("OIDC_REDIRECT_URL is missing: the URL of this server with /api/sessions/oauth/oidc/callback")
	}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"profile", "email"}
	}
	return &openID{options: o, http: client()}, nil
}

// Name implements Provider.
func (o *openID) Name() string { return "oidc" }

// discover asks the provider for its document, once. What it returns uses the client
// of its own to fetch keys, also after this request has ended.
func (o *openID) discover(ctx context.Context) (*oidc.Provider, oauth2.Config, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found == nil {
		found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.http), o.options.Issuer)
		if err != nil {
			return nil, oauth2.Config{}, external(o.options.Issuer, err)
		}
		o.found = found
	}
	return o.found, oauth2.Config{ClientID: o.options.ClientID, ClientSecret: o.options.ClientSecret, RedirectURL: o.options.RedirectURL,
		Endpoint: o.found.Endpoint(), Scopes: append([]string{oidc.ScopeOpenID}, o.options.Scopes...)}, nil
}

func (o *openID) authorize(ctx context.Context, f *flow) (string, error) {
	_, config, err := o.discover(ctx)
	if err != nil {
		return "", err
	}
	return config.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

func (o *openID) account(ctx context.Context, code string, f *flow) (*Account, error) {
	provider, config, err := o.discover(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, o.http)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return nil, external(o.options.Issuer, err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, external(o.options.Issuer, errors.New("the answer has no id_token"))
	}
	id, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: o.options.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, external(o.options.Issuer, err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return nil, external(o.options.Issuer, errors.New("the id_token is of another login"))
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, external(o.options.Issuer, err)
		}
	}
	var claims struct {
		Name     string `json:"name"`
		Login    string `json:"preferred_username"`
		Email    string `json:"email"`
		Verified any    `json:"email_verified"` // a boolean; some send text
	}
	if err := id.Claims(&claims); err != nil {
		return nil, external(o.options.Issuer, err)
	}
	a := &Account{Provider: id.Issuer, Subject: id.Subject, Method: o.Name(), Login: claims.Login, Name: claims.Name}
	if claims.Verified == true || claims.Verified == "true" {
		a.Email = claims.Email
	}
	return a, nil
}
