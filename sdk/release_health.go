package sdk

import (
	"net/url"
	"strings"
	"time"
)

func (r Release) checkHealth() error {
	h, kinds := r.Health, 0
	wrong := func(format string, args ...any) error {
		return Errorf(ClassInvalidConfig, "the health check of service "+r.Service+" "+format, args...)
	}
	for _, set := range []bool{h.HTTP != nil, h.TCP != nil, h.Command != nil} {
		if set {
			kinds++
		}
	}
	if kinds > 1 {
		return wrong("is several at once; use one of HTTP, TCP and command")
	}
	for _, d := range []time.Duration{h.Interval, h.Timeout, h.StartPeriod} {
		if d < 0 || d > time.Hour {
			return wrong("takes %s; an hour is the most", d)
		}
	}
	if h.Retries < 0 || h.Retries > maxCheckRetries {
		return wrong("has %d retries; %d is the most", h.Retries, maxCheckRetries)
	}
	switch {
	case h.TCP != nil && !r.hasPort(h.TCP.Port):
		return wrong("is of the port %q, which the service does not have", h.TCP.Port)
	case h.Command != nil && (len(h.Command.Argv) == 0 || h.Command.Argv[0] == ""):
		return wrong("has no command")
	case h.HTTP != nil:
		return r.checkHTTP(*h.HTTP, wrong)
	}
	return nil
}

func (r Release) checkHTTP(h HTTPCheck, wrong func(string, ...any) error) error {
	if h.Status != 0 && (h.Status < 100 || h.Status > 599) {
		return wrong("expects the status %d; there are 100 to 599", h.Status)
	}
	if h.URL != "" {
		u, err := url.Parse(h.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return wrong("has a URL that is none of http or https, or has a password in it")
		}
		if h.Port != "" || h.Path != "" {
			return wrong("has a URL and a port or path of the service's; use one of them")
		}
		return nil
	}
	if !r.hasPort(h.Port) {
		return wrong("is of the port %q, which the service does not have", h.Port)
	}
	if h.Path != "" && (!strings.HasPrefix(h.Path, "/") || strings.ContainsAny(h.Path, " \r\n\x00")) {
		return wrong("has the path %.200q; it begins with '/' and has no spaces", h.Path)
	}
	return nil
}
