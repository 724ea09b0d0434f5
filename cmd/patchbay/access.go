package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api"
	"github.com/patchbay-ci/patchbay/core/auth"
	"github.com/patchbay-ci/patchbay/core/auth/login"
	"github.com/patchbay-ci/patchbay/core/config"
	"github.com/patchbay-ci/patchbay/core/ratelimit"
)

// access is what config.Access means: who may come in, from where, and how often.
type access struct {
	web       api.Web
	origins   []string
	limits    api.Limits
	policy    auth.Policy
	tokenLife time.Duration
	// retention is 0 for an audit log that is kept for ever.
	retention time.Duration
	providers []login.Provider
}

// Limits of addresses and users that count when none is set. They spare the server's
// own machine; those that are set do not.
var (
	defaultRate        = ratelimit.Rate{Limit: 1000, Per: time.Hour}
	defaultUserRate    = ratelimit.Rate{Limit: 5000, Per: time.Hour}
	defaultWebhookRate = ratelimit.Rate{Limit: 100, Per: time.Minute}
)

// newAccess reads the settings. Its errors name the one that is wrong.
func newAccess(s config.Access) (*access, error) {
	a := &access{}
	var err error
	for _, read := range []func(config.Access) error{a.readWeb, a.readLimits, a.readLogins} {
		err = errors.Join(err, read(s))
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (a *access) readWeb(s config.Access) error {
	for _, origin := range s.CORSOrigins.List() {
		a.origins = append(a.origins, strings.TrimSuffix(origin, "/"))
	}
	a.web.PublicURL = strings.TrimSuffix(string(s.PublicURL), "/")
	if public, err := url.Parse(a.web.PublicURL); a.web.PublicURL != "" && (err != nil || public.Host == "" || public.Path != "" || public.Scheme != "https" && public.Scheme != "http") {
		return fmt.Errorf("public_url: %.100q is not like https://ci.example.com, without a path", s.PublicURL)
	}
	switch s.CookieSecure {
	case "auto":
	case "always", "never":
		a.web.Cookies = api.CookieSecurity(s.CookieSecure)
	default:
		return fmt.Errorf("cookie_secure: %.40q is none of auto, always, never", s.CookieSecure)
	}
	for _, method := range s.CORSMethods.List() {
		a.web.Methods = append(a.web.Methods, strings.ToUpper(method))
	}
	if s.CORSCredentials != "" {
		var err error
		if a.web.Credentials, err = strconv.ParseBool(string(s.CORSCredentials)); err != nil {
			return fmt.Errorf("cors_credentials: %.40q is neither true nor false", s.CORSCredentials)
		}
	}
	for _, entry := range s.TrustedProxies.List() {
		prefix, err := netip.ParsePrefix(entry)
		if address, addressErr := netip.ParseAddr(entry); addressErr == nil {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("trusted_proxies: %.60q is no address or network; write 10.0.0.1 or 10.0.0.0/8", entry)
		}
		a.web.TrustedProxies = append(a.web.TrustedProxies, prefix)
	}
	return nil
}

func (a *access) readLimits(s config.Access) error {
	a.limits.SpareLoopback = s.RateLimit == "" && s.UserRateLimit == "" && s.WebhookRateLimit == ""
	for _, limit := range []struct {
		name      string
		text      config.Text
		otherwise ratelimit.Rate
		into      *core.RateLimiter
	}{
		{"rate_limit", s.RateLimit, defaultRate, &a.limits.Address},
		{"user_rate_limit", s.UserRateLimit, defaultUserRate, &a.limits.User},
		{"webhook_rate_limit", s.WebhookRateLimit, defaultWebhookRate, &a.limits.Webhook},
		{"login_rate_limit", s.LoginRateLimit, ratelimit.Rate{}, &a.limits.Login},
	} {
		rate := limit.otherwise
		if limit.text != "" {
			var err error
			if rate, err = ratelimit.ParseRate(string(limit.text)); err != nil {
				return fmt.Errorf("%s: %w", limit.name, err)
			}
		}
		if limiter := ratelimit.New(rate, nil); limiter != nil {
			*limit.into = limiter
		}
	}
	var err error
	if a.tokenLife, err = parseDays("access_token_life", s.AccessTokenLife); err != nil {
		return err
	}
	if a.tokenLife < time.Minute || a.tokenLife > 24*time.Hour {
		return fmt.Errorf("access_token_life: %s is not between 1m and 24h; sessions last longer, as their tokens are refreshed", s.AccessTokenLife)
	}
	if s.AuditRetention == "forever" {
		return nil
	}
	a.retention, err = parseDays("audit_retention", s.AuditRetention)
	if err == nil && a.retention < time.Hour {
		err = fmt.Errorf("audit_retention: %s is less than an hour", s.AuditRetention)
	}
	return err
}

// parseDays reads a duration that may be in days, as in 365d; a bare number is seconds.
func parseDays(name string, text config.Text) (time.Duration, error) {
	if days, is := strings.CutSuffix(string(text), "d"); is {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := core.ParseDuration(string(text))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return d.Std(), nil
}

func (a *access) readLogins(s config.Access) error {
	policy, err := auth.ParsePolicy(string(s.LoginAllow), string(s.LoginRole))
	if err != nil {
		return err
	}
	a.policy = policy
	if s.GitHubClientID != "" || s.GitHubClientSecret != "" {
		if s.GitHubClientID == "" || s.GitHubClientSecret == "" {
			return errors.New("logins by GitHub need both GITHUB_OAUTH_CLIENT_ID and GITHUB_OAUTH_CLIENT_SECRET")
		}
		github, err := login.NewGitHub(login.GitHubOptions{ClientID: string(s.GitHubClientID), ClientSecret: string(s.GitHubClientSecret),
			RedirectURL: a.redirect(s.GitHubRedirectURL, "github"), BaseURL: string(s.GitHubBaseURL), Organisations: policy.Organisations()})
		if err != nil {
			return err
		}
		a.providers = append(a.providers, github)
	}
	if s.OIDCIssuer == "" {
		return nil
	}
	if s.OIDCClientID == "" {
		return errors.New("logins by OpenID Connect need OIDC_CLIENT_ID")
	}
	scopes := slices.DeleteFunc(strings.FieldsFunc(string(s.OIDCScopes), func(r rune) bool { return r == ',' || r == ' ' }), func(scope string) bool { return scope == "openid" })
	oidc, err := login.NewOIDC(login.OIDCOptions{Issuer: string(s.OIDCIssuer), ClientID: string(s.OIDCClientID), ClientSecret: string(s.OIDCClientSecret),
		RedirectURL: a.redirect(s.OIDCRedirectURL, "oidc"), Scopes: scopes})
	if err != nil {
		return err
	}
	a.providers = append(a.providers, oidc)
	return nil
}

// redirect is where a provider sends browsers back to.
func (a *access) redirect(given config.Text, provider string) string {
	if given != "" || a.web.PublicURL == "" {
		return string(given)
	}
	return a.web.PublicURL + "/api/sessions/oauth/" + provider + "/callback"
}

// openAccess lets people in as the settings say.
func (n *node) openAccess(settings config.Server) (err error) {
	if n.access, err = newAccess(settings.Access); err != nil {
		return err
	}
	n.auth, err = auth.Open(auth.Options{Store: n.store, AdminToken: string(settings.AdminToken), Sealer: n.secrets, JWTSecret: string(settings.Access.JWTSecret),
		AccessLife: n.access.tokenLife, Policy: n.access.policy, Logger: n.log.Named("auth")})
	if err != nil {
		return err
	}
	n.logins = n.auth.Logins(login.NewFlows(n.secrets, nil, n.access.providers...))
	if len(n.access.providers) > 0 && len(n.access.policy.Allow) == 0 {
		n.log.Warn("nobody may log in by another service yet: PATCHBAY_LOGIN_ALLOW says who")
	}
	return nil
}

// tidyEvery is how often what is over is removed.
const tidyEvery = time.Hour

// tidy removes sessions that are over and what is too old for the audit log, until ctx
// is done.
func (n *node) tidy(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		err := n.auth.Clean(ctx)
		if n.access.retention > 0 {
			_, auditErr := n.store.DeleteAudit(ctx, time.Now().Add(-n.access.retention))
			err = errors.Join(err, auditErr)
		}
		if err != nil && ctx.Err() == nil {
			n.log.Error("what is over could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
