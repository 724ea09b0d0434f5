package main

import (
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core/config"
)

// settingsOf are those of a server to which only this was said.
func settingsOf(t *testing.T, pairs ...string) config.Access {
	t.Helper()
	environment := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		environment[pairs[i]] = pairs[i+1]
	}
	s, err := config.Load(config.Server{Data: t.TempDir()}, "", func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	return s.Access
}

func TestAccessSettings(t *testing.T) {
	t.Parallel()
	plain, err := newAccess(settingsOf(t))
	if err != nil || !plain.limits.SpareLoopback || plain.limits.Address == nil || plain.limits.User == nil || plain.limits.Login == nil ||
		plain.retention != 365*24*time.Hour || plain.tokenLife != 15*time.Minute || len(plain.providers) != 0 {
		t.Errorf("%+v, %v", plain, err)
	}
	full, err := newAccess(settingsOf(t, "PATCHBAY_PUBLIC_URL", "https://ci.example.com/", "PATCHBAY_TRUSTED_PROXIES", "10.0.0.1, fd00::/8", "PATCHBAY_RATE_LIMIT", "off",
		"PATCHBAY_LOGIN_RATE_LIMIT", "off", "CLIENT_ORIGIN", "https://a", "PATCHBAY_CORS_CREDENTIALS", "true", "PATCHBAY_AUDIT_RETENTION", "forever", "JWT_EXPIRED_IN", "60m",
		"GITHUB_OAUTH_CLIENT_ID", "a", "GITHUB_OAUTH_CLIENT_SECRET", "b", "OIDC_ISSUER", "https://id", "OIDC_CLIENT_ID", "c", "OIDC_SCOPES", "openid email", "PATCHBAY_LOGIN_ALLOW", "org:acme"))
	if err != nil || full.limits.SpareLoopback || full.limits.Address != nil || full.limits.Login != nil || full.limits.User == nil || len(full.web.TrustedProxies) != 2 ||
		full.web.PublicURL != "https://ci.example.com" || full.retention != 0 || full.tokenLife != time.Hour || len(full.providers) != 2 || !full.web.Credentials {
		t.Errorf("%+v, %v", full, err)
	}
	if to := full.redirect("", "oidc"); to != "https://ci.example.com/api/sessions/oauth/oidc/callback" {
		t.Error(to)
	}
}

func TestAccessSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	for pair, want := range map[string]string{
		"PATCHBAY_PUBLIC_URL=https://a/b":       "public_url",
		"PATCHBAY_COOKIE_SECURE=yes":            "cookie_secure",
		"PATCHBAY_CORS_CREDENTIALS=maybe":       "cors_credentials",
		"PATCHBAY_TRUSTED_PROXIES=10.0.0.0/8,x": "trusted_proxies",
		"PATCHBAY_RATE_LIMIT=many":              "rate_limit: \"many\" is no rate; write it like 1000/h",
		"PATCHBAY_WEBHOOK_RATE_LIMIT=1":         "webhook_rate_limit",
		"JWT_EXPIRED_IN=1s":                     "between 1m and 24h",
		"PATCHBAY_AUDIT_RETENTION=soon":         "audit_retention",
		"PATCHBAY_AUDIT_RETENTION=5m":           "less than an hour",
		"PATCHBAY_LOGIN_ROLE=root":              "root",
		"GITHUB_OAUTH_CLIENT_ID=a":              "GITHUB_OAUTH_CLIENT_SECRET",
		"OIDC_ISSUER=https://id":                "OIDC_CLIENT_ID",
	} {
		name, value, _ := strings.Cut(pair, "=")
		if _, err := newAccess(settingsOf(t, name, value)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pair, err)
		}
	}
}
