package certificate

import (
	"crypto/tls"
	"net/http"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// authorityTimeout bounds one request to an authority.
const authorityTimeout = 30 * time.Second

// Authority is who signs certificates by ACME (RFC 8555), and for whom.
type Authority struct {
	// Domains are the only names that certificates are asked for.
	Domains []string
	// Email is where the authority may write to; may be empty.
	Email string
	// Directory is the authority's URL; empty for Let's Encrypt.
	Directory string
	// Folder is where account and certificates are kept.
	Folder string
}

// ACME has certificates signed when they are first needed, and renewed a month before
// they end. The authority checks over TLS-ALPN (RFC 8737) that the domains lead here,
// so port 443 of each has to. By using it the operator agrees to the authority's terms.
func ACME(a Authority) *tls.Config {
	manager := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(a.Folder), HostPolicy: autocert.HostWhitelist(a.Domains...), Email: a.Email}
	directory := a.Directory
	if directory == "" {
		directory = acme.LetsEncryptURL
	}
	manager.Client = &acme.Client{DirectoryURL: directory, HTTPClient: &http.Client{Timeout: authorityTimeout,
		Transport: &orders{next: http.DefaultTransport, at: map[string]string{}}}}
	return manager.TLSConfig()
}
