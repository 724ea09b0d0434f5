package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// Access says who may come in, from where, and how often. Each setting is text, as it is
// written on the command line; what it means is for the part to know that uses it.
type Access struct {
	PublicURL        Text `yaml:"public_url"`
	TrustedProxies   Text `yaml:"trusted_proxies"`
	CookieSecure     Text `yaml:"cookie_secure"`
	CORSOrigins      Text `yaml:"cors_origins"`
	CORSMethods      Text `yaml:"cors_methods"`
	CORSCredentials  Text `yaml:"cors_credentials"`
	RateLimit        Text `yaml:"rate_limit"`
	UserRateLimit    Text `yaml:"user_rate_limit"`
	WebhookRateLimit Text `yaml:"webhook_rate_limit"`
	LoginRateLimit   Text `yaml:"login_rate_limit"`
	LoginAllow       Text `yaml:"login_allow"`
	LoginRole        Text `yaml:"login_role"`
	AccessTokenLife  Text `yaml:"access_token_life"`
	AuditRetention   Text `yaml:"audit_retention"`

	GitHubClientID    Text `yaml:"github_client_id"`
	GitHubRedirectURL Text `yaml:"github_redirect_url"`
	GitHubBaseURL     Text `yaml:"github_base_url"`
	OIDCIssuer        Text `yaml:"oidc_issuer"`
	OIDCClientID      Text `yaml:"oidc_client_id"`
	OIDCRedirectURL   Text `yaml:"oidc_redirect_url"`
	OIDCScopes        Text `yaml:"oidc_scopes"`

	// The secrets come from the environment only, as Server.AdminToken does.
	JWTSecret          Secret `yaml:"-"`
	GitHubClientSecret Secret `yaml:"-"`
	OIDCClientSecret   Secret `yaml:"-"`
}

// Setting is one setting of Access.
type Setting struct {
	Value *Text
	// Flag is its name on the command line, and Environment the variables that it is
	// read from, the first that is set.
	Flag        string
	Environment []string
	// Default is what counts when nothing is said; "" for a setting that is off then.
	Default string
	Help    string
}

// Settings lists all of a, in the order in which they are shown.
func (a *Access) Settings() []Setting {
	return []Setting{
		{&a.PublicURL, "public-url", []string{"PATCHBAY_PUBLIC_URL"}, "", "the server's URL as browsers see it"},
		{&a.TrustedProxies, "trusted-proxies", []string{"PATCHBAY_TRUSTED_PROXIES"}, "", "addresses or networks whose X-Forwarded-For and X-Forwarded-Proto count"},
		{&a.CookieSecure, "cookie-secure", []string{"PATCHBAY_COOKIE_SECURE"}, "auto", "whether cookies are for HTTPS alone: auto, always or never"},
		{&a.CORSOrigins, "cors-origins", []string{"PATCHBAY_CORS_ORIGINS", "CLIENT_ORIGIN"}, "", "origins of other web pages that may use the API, as in https://ci.example.com"},
		{&a.CORSMethods, "cors-methods", []string{"PATCHBAY_CORS_METHODS"}, "", "what these pages may do (default: all methods)"},
		{&a.CORSCredentials, "cors-credentials", []string{"PATCHBAY_CORS_CREDENTIALS"}, "", "true lets these pages use the cookies of sessions"},
		{&a.RateLimit, "rate-limit", []string{"PATCHBAY_RATE_LIMIT"}, "", "requests from one address, as in 1000/h, or off (default 1000/h; not from this machine)"},
		{&a.UserRateLimit, "user-rate-limit", []string{"PATCHBAY_USER_RATE_LIMIT"}, "", "requests of one user (default 5000/h; not from this machine)"},
		{&a.WebhookRateLimit, "webhook-rate-limit", []string{"PATCHBAY_WEBHOOK_RATE_LIMIT"}, "", "webhooks from one address (default 100/m; not from this machine)"},
		{&a.LoginRateLimit, "login-rate-limit", []string{"PATCHBAY_LOGIN_RATE_LIMIT"}, "20/15m", "logins from one address that fail"},
		{&a.LoginAllow, "login-allow", []string{"PATCHBAY_LOGIN_ALLOW"}, "", "accounts that may log in by GitHub or OpenID Connect: ann, org:acme, ann@example.com, @example.com, or * for all"},
		{&a.LoginRole, "login-role", []string{"PATCHBAY_LOGIN_ROLE"}, "viewer", "the role of who logs in so for the first time"},
		{&a.AccessTokenLife, "access-token-life", []string{"PATCHBAY_ACCESS_TOKEN_LIFE", "JWT_EXPIRED_IN"}, "15m", "how long an access token is good"},
		{&a.AuditRetention, "audit-retention", []string{"PATCHBAY_AUDIT_RETENTION"}, "365d", "how long the audit log is kept, or forever"},
		{&a.GitHubClientID, "github-client-id", []string{"GITHUB_OAUTH_CLIENT_ID"}, "", "the OAuth app for logins by GitHub; its secret is GITHUB_OAUTH_CLIENT_SECRET"},
		{&a.GitHubRedirectURL, "github-redirect-url", []string{"GITHUB_OAUTH_REDIRECT_URL"}, "", "where GitHub sends browsers back to (default: of the public URL)"},
		{&a.GitHubBaseURL, "github-base-url", []string{"GITHUB_OAUTH_BASE_URL"}, "", "a GitHub Enterprise Server"},
		{&a.OIDCIssuer, "oidc-issuer", []string{"OIDC_ISSUER"}, "", "an OpenID Connect provider for logins; its client's secret is OIDC_CLIENT_SECRET"},
		{&a.OIDCClientID, "oidc-client-id", []string{"OIDC_CLIENT_ID"}, "", "the client there"},
		{&a.OIDCRedirectURL, "oidc-redirect-url", []string{"OIDC_REDIRECT_URL"}, "", "where the provider sends browsers back to (default: of the public URL)"},
		{&a.OIDCScopes, "oidc-scopes", []string{"OIDC_SCOPES"}, "", "what to ask for besides openid (default profile, email)"},
	}
}

// fromEnvironment reads what is set there.
func (a *Access) fromEnvironment(getenv func(string) string) {
	for _, s := range a.Settings() {
		for _, name := range s.Environment {
			if *s.Value == "" {
				*s.Value = Text(strings.TrimSpace(getenv(name)))
			}
		}
	}
	a.JWTSecret, a.GitHubClientSecret, a.OIDCClientSecret = Secret(getenv("JWT_SECRET")), Secret(getenv("GITHUB_OAUTH_CLIENT_SECRET")), Secret(getenv("OIDC_CLIENT_SECRET"))
}

// mergeAccess takes each setting from the first layer that has it.
func mergeAccess(layers ...Access) Access {
	merged := Access{}
	for _, layer := range layers {
		from := layer.Settings()
		for i, s := range merged.Settings() {
			*s.Value = first(*s.Value, *from[i].Value)
		}
		merged.JWTSecret = first(merged.JWTSecret, layer.JWTSecret)
		merged.GitHubClientSecret = first(merged.GitHubClientSecret, layer.GitHubClientSecret)
		merged.OIDCClientSecret = first(merged.OIDCClientSecret, layer.OIDCClientSecret)
	}
	for _, s := range merged.Settings() {
		*s.Value = first(*s.Value, Text(s.Default))
	}
	return merged
}

// Text is a setting that may have several entries: in YAML a list or one text, and
// otherwise divided by commas.
type Text string

// List returns the entries.
func (t Text) List() []string {
	var list []string
	for entry := range strings.SplitSeq(string(t), ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// UnmarshalYAML implements yaml.BytesUnmarshaler.
func (t *Text) UnmarshalYAML(content []byte) error {
	var value any
	if err := yaml.Unmarshal(content, &value); err != nil {
		return err
	}
	switch value := value.(type) {
	case nil:
	case []any:
		entries := make([]string, 0, len(value))
		for _, entry := range value {
			entries = append(entries, fmt.Sprint(entry))
		}
		*t = Text(strings.Join(entries, ","))
	case map[string]any:
		return fmt.Errorf("expected text or a list of texts, not keys")
	default:
		*t = Text(fmt.Sprint(value))
	}
	return nil
}

// Secret is a setting that is never shown, whatever prints it. string(s) is the value.
type Secret string

const shownSecret = "***"

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return shownSecret
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML use.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
