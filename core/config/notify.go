package config

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// SMTP is the server that takes e-mail; without a Host none is sent.
type SMTP struct {
	Host string `yaml:"host"`
	// Port is 587, 465 or 25 by TLS unless it is given.
	Port int `yaml:"port"`
	// TLS is "starttls" (the default), "tls" from the first byte, or "none".
	TLS string `yaml:"tls"`
	// Username logs in; its password comes from the environment only.
	Username string `yaml:"username"`
	Password string `yaml:"-"`
	// From is the sender's address.
	From string `yaml:"from"`
	// CAFile has certificates (PEM) that are trusted besides the system's.
	CAFile string `yaml:"ca_file"`
}

// Networks parses NotifyNetworks: prefixes in CIDR notation, or single addresses.
func (s Server) Networks() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range strings.FieldsFunc(s.NotifyNetworks, func(c rune) bool { return c == ',' || c == ' ' }) {
		prefix, err := netip.ParsePrefix(text)
		if address, addressErr := netip.ParseAddr(text); addressErr == nil {
			prefix, err = address.Prefix(address.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("notify_networks: %q is no network; write it as 10.0.0.0/8", text)
		}
		list = append(list, prefix)
	}
	return list, nil
}

// Roots reads CAFile; nil without one.
func (s SMTP) Roots() (*x509.CertPool, error) {
	if s.CAFile == "" {
		return nil, nil
	}
	content, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("smtp.ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("smtp.ca_file: %s has no certificate in PEM", s.CAFile)
	}
	return pool, nil
}

// checkNotify refuses what would only show when the first message is sent.
func (s Server) checkNotify() error {
	if _, err := s.Networks(); err != nil {
		return err
	}
	for name, address := range map[string]string{"public_url": string(s.Access.PublicURL), "slack_url": s.SlackURL} {
		parsed, err := url.Parse(address)
		if address != "" && (err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https") {
			return fmt.Errorf("%s is %q; write it as https://ci.example.com", name, address)
		}
	}
	m := s.SMTP
	if m.Host == "" {
		if m != (SMTP{Password: m.Password}) {
			return fmt.Errorf("smtp has no host")
		}
		return nil
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		return fmt.Errorf("smtp.from is %q: %w; write it as ci@example.com", m.From, err)
	}
	switch {
	case m.Port < 0 || m.Port > 65535:
		return fmt.Errorf("smtp.port is %d; it is between 1 and 65535", m.Port)
	case m.TLS != "" && m.TLS != "starttls" && m.TLS != "tls" && m.TLS != "none":
		return fmt.Errorf("smtp.tls is %q; it is starttls, tls or none", m.TLS)
	case m.Username != "" && m.Password == "":
		return fmt.Errorf("smtp.username is set and the password is not: set PATCHBAY_SMTP_PASSWORD")
	}
	return nil
}

// overriddenBy fills in what comes from the environment.
func (s SMTP) overriddenBy(environment SMTP) SMTP {
	s.Host, s.From = cmp.Or(environment.Host, s.Host), cmp.Or(environment.From, s.From)
	s.Username, s.Password = cmp.Or(environment.Username, s.Username), environment.Password
	return s
}
