package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/patchbay-ci/patchbay/core"
)

// Web says how browsers and proxies come to the server.
type Web struct {
	// PublicURL is the server's own, as browsers see it; it may be empty.
	PublicURL string
	// Methods are those that pages of Deps.Origins may use; all that the API has if
	// empty. Credentials lets these pages send cookies.
	Methods     []string
	Credentials bool
	// TrustedProxies are the addresses whose X-Forwarded-For and X-Forwarded-Proto
	// count. From others, both could be made up.
	TrustedProxies []netip.Prefix
	// Cookies says whether cookies are for HTTPS alone.
	Cookies CookieSecurity
}

// CookieSecurity says whether cookies are for HTTPS alone.
type CookieSecurity string

// The ways of CookieSecurity.
const (
	// CookiesAuto is for HTTPS alone when the request or Web.PublicURL is.
	CookiesAuto   CookieSecurity = ""
	CookiesAlways CookieSecurity = "always"
	CookiesNever  CookieSecurity = "never"
)

// Limits bound what one place may ask for; those that are nil do not.
type Limits struct {
	// Address counts requests of one address, Webhook deliveries of webhooks by it,
	// and Login attempts to log in by it that failed.
	Address, Webhook, Login core.RateLimiter
	// User counts requests of one user, from wherever.
	User core.RateLimiter
	// SpareLoopback lets the server's own machine ask for more than Address, Webhook
	// and User allow.
	SpareLoopback bool
}

// checkOrigins makes what tells the pages of other sites from one's own.
func checkOrigins(d *Deps) (*http.CrossOriginProtection, error) {
	protection := http.NewCrossOriginProtection()
	if d.Web.PublicURL != "" {
		public, err := url.Parse(d.Web.PublicURL)
		if err != nil || public.Host == "" {
			return nil, fmt.Errorf("the public URL %.200q is not like https://ci.example.com", d.Web.PublicURL)
		}
		if err := protection.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
			return nil, fmt.Errorf("the public URL: %w", err)
		}
	}
	for _, origin := range d.Origins {
		if origin == "*" {
			if d.Web.Credentials {
				return nil, fmt.Errorf("pages of every origin cannot be let in with credentials: name the origins")
			}
			continue
		}
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("the origin %.200q is not like https://ci.example.com: %w", origin, err)
		}
	}
	return protection, nil
}
