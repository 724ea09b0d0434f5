package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

var testProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestWhereARequestComesFrom(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"no proxy":                   {"192.0.2.1:99", nil, "192.0.2.1"},
		"a stranger says otherwise":  {"192.0.2.1:99", []string{"198.51.100.1"}, "192.0.2.1"},
		"a proxy":                    {"10.0.0.1:99", []string{"198.51.100.1"}, "198.51.100.1"},
		"two proxies":                {"10.0.0.1:99", []string{"198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		"what the client made up":    {"10.0.0.1:99", []string{"127.0.0.1, 198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		"in several headers":         {"10.0.0.1:99", []string{"127.0.0.1", "198.51.100.1"}, "198.51.100.1"},
		"with a port":                {"10.0.0.1:99", []string{"198.51.100.1:8000"}, "198.51.100.1"},
		"IPv6":                       {"[fd00::1]:99", []string{"[2001:db8::1]:80"}, "2001:db8::1"},
		"IPv4 as IPv6":               {"[::ffff:10.0.0.1]:99", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"nonsense":                   {"10.0.0.1:99", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		"nothing":                    {"10.0.0.1:99", []string{""}, "10.0.0.1"},
		"proxies alone":              {"10.0.0.1:99", []string{"10.0.0.2, 10.0.0.3"}, "10.0.0.2"},
		"more of them than are read": {"10.0.0.1:99", []string{"198.51.100.1" + strings.Repeat(", 10.0.0.2", maxHops)}, "10.0.0.2"},
		"a socket":                   {"@", nil, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &handlers{Deps: Deps{Web: Web{TrustedProxies: testProxies}}}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = test.remote, test.forwarded
			h.located(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if got := peerOf(r.Context()).address.String(); got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}

// Whatever a header says, the address is the sender's own, or one that is in it.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{"", ",", "1.2.3.4", "1.2.3.4, 10.0.0.1", "[::1]:80", "::1%eth0", strings.Repeat("10.0.0.1,", 100), "\x00", "10.0.0.1:"} {
		f.Add(seed)
	}
	from := netip.MustParseAddr("10.0.0.9")
	f.Fuzz(func(t *testing.T, header string) {
		h := &handlers{Deps: Deps{Web: Web{TrustedProxies: testProxies}}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header["X-Forwarded-For"] = []string{header}
		got := h.forwardedFor(r, from)
		if !got.IsValid() || got.Zone() != "" || got != from && !strings.ContainsAny(header, ".:") {
			t.Errorf("%q: %s", header, got)
		}
	})
}
