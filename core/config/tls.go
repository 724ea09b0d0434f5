package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// TLS says which certificate the server shows. Empty means none: HTTP without TLS, for
// loopback, or behind a proxy that does it.
type TLS struct {
	// Certificate and Key are files in PEM that somebody else renews.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// SelfSigned has the server make a certificate of its own and renew it; Hosts are
	// the names and addresses it is for, loopback when there are none.
	SelfSigned bool     `yaml:"self_signed"`
	Hosts      []string `yaml:"hosts"`
	ACME       ACME     `yaml:"acme"`
}

// ACME has an authority sign the certificate.
type ACME struct {
	// Domains are the names that lead to port 443 of this server.
	Domains []string `yaml:"domains"`
	Email   string   `yaml:"email"`
	// Directory is the authority's URL; empty for Let's Encrypt.
	Directory string `yaml:"directory"`
}

// On reports whether there is a certificate.
func (t TLS) On() bool {
	return t.Certificate != "" || t.Key != "" || t.SelfSigned || len(t.ACME.Domains) > 0
}

// or takes the settings of one layer as a whole: half of each would be neither.
func (t TLS) or(next TLS) TLS {
	if t.On() {
		return t
	}
	return next
}

func (t TLS) check() error {
	ways := 0
	for _, used := range []bool{t.Certificate != "" || t.Key != "", t.SelfSigned, len(t.ACME.Domains) > 0} {
		if used {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errors.New("tls: certificate and key, self_signed and acme exclude each other; keep one")
	case (t.Certificate == "") != (t.Key == ""):
		return errors.New("tls: certificate and key belong together; give both")
	case len(t.Hosts) > 0 && !t.SelfSigned:
		return errors.New("tls: hosts are for self_signed only")
	case len(t.ACME.Domains) == 0 && t.ACME.Email+t.ACME.Directory != "":
		return errors.New("tls: acme needs domains")
	}
	for _, domain := range t.ACME.Domains {
		if !strings.Contains(domain, ".") || strings.ContainsAny(domain, "*:/ ") {
			return fmt.Errorf("tls: acme: %q is not a domain; write it as ci.example.com", domain)
		}
	}
	if t.ACME.Directory != "" {
		if address, err := url.Parse(t.ACME.Directory); err != nil || address.Scheme != "https" {
			return fmt.Errorf("tls: acme: directory is %q; it must be an https URL", t.ACME.Directory)
		}
	}
	return nil
}
