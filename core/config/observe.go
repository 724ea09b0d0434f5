package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// checkObservation checks the settings of logs, metrics, traces and profiles.
func (s Server) checkObservation() error {
	if levels := []string{"trace", "debug", "info", "warn", "error"}; !slices.Contains(levels, strings.ToLower(s.LogLevel)) {
		return fmt.Errorf("log_level is %q; it takes one of %s", s.LogLevel, strings.Join(levels, ", "))
	}
	if s.LogFormat != "text" && s.LogFormat != "json" {
		return fmt.Errorf("log_format is %q; it takes text or json", s.LogFormat)
	}
	for name, address := range map[string]string{"metrics_listen": s.MetricsListen, "debug_listen": s.DebugListen} {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return fmt.Errorf("%s is %q: %w; write it as 127.0.0.1:9464", name, address, err)
		}
	}
	if s.DebugListen != "" && !loopback(s.DebugListen) {
		return fmt.Errorf("debug_listen is %q; profiles show what is in memory, so it must be a loopback address, such as 127.0.0.1:6060", s.DebugListen)
	}
	if s.OTLPEndpoint != "" {
		if u, err := url.Parse(s.OTLPEndpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("otlp_endpoint is %q; it must be a URL, such as http://127.0.0.1:4318", s.OTLPEndpoint)
		}
	}
	return nil
}

// loopback reports whether an address is reached from this machine alone, whatever
// names resolve to.
func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
