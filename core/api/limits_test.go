package api

import (
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core/ratelimit"
)

func limitOf(n int64) *ratelimit.Limiter {
	return ratelimit.New(ratelimit.Rate{Limit: n, Per: time.Hour}, nil)
}

// Each request tells what is left; one too many is told when to come again.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	p := newPeople(t, func(h *handlers) { h.Web.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	p.limits.Address = limitOf(3)
	for i, want := range []int{200, 200, 200, 429, 429} {
		a := p.call("viewer", "GET", "/sessions/me", "", "X-Forwarded-For", "192.0.2.1")
		left := strconv.Itoa(max(2-i, 0))
		if a.status != want || a.header.Get("RateLimit-Limit") != "3" || a.header.Get("RateLimit-Remaining") != left || a.header.Get("RateLimit-Policy") != "3;w=3600" {
			t.Errorf("request %d: %d %v", i, a.status, a.header)
		}
		reset, err := strconv.Atoi(a.header.Get("RateLimit-Reset"))
		if err != nil || reset < 1 || reset > 3600 {
			t.Errorf("request %d: reset %d, %v", i, reset, err)
		}
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		if (want == http.StatusTooManyRequests) != (err == nil) || wait > 1200 {
			t.Errorf("request %d: Retry-After %d, %v", i, wait, err)
		}
		if e := decodedError(t, a); want == http.StatusTooManyRequests && (e.Error != ValidationError || e.Status != 429 || len(e.Suggestions) == 0) {
			t.Errorf("%s", a.body)
		}
	}
	// Others, and probes, are not meant.
	if a := p.call("viewer", "GET", "/sessions/me", "", "X-Forwarded-For", "192.0.2.2"); a.status != http.StatusOK {
		t.Errorf("another address: %d", a.status)
	}
	if a := p.call("none", "GET", "/healthchecker", "", "X-Forwarded-For", "192.0.2.1"); a.status != http.StatusOK || a.header.Get("RateLimit-Limit") != "" {
		t.Errorf("a probe: %d", a.status)
	}
	if a := p.call("none", "GET", "/nothing", "", "X-Forwarded-For", "192.0.2.1"); a.status != http.StatusTooManyRequests {
		t.Errorf("what is not there: %d", a.status)
	}
}

func decodedError(t *testing.T, a answer) Error {
	t.Helper()
	if a.status < http.StatusBadRequest {
		return Error{}
	}
	return decoded[Error](t, a)
}

// A user is one, from wherever.
func TestRateLimitOfAUser(t *testing.T) {
	t.Parallel()
	p := newPeople(t, func(h *handlers) { h.Web.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	p.limits.User, p.limits.Address = limitOf(2), limitOf(1000)
	for i, want := range []int{200, 200, 429} {
		a := p.call("viewer", "GET", "/sessions/me", "", "X-Forwarded-For", "192.0.2."+strconv.Itoa(i))
		if a.status != want || a.header.Get("RateLimit-Limit") != "2" {
			t.Errorf("request %d: %d %v", i, a.status, a.header)
		}
	}
	if a := p.call("developer", "GET", "/sessions/me", ""); a.status != http.StatusOK {
		t.Errorf("another user: %d", a.status)
	}
}

// The server's own machine is spared when nothing else was said.
func TestLoopbackIsSpared(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.limits.Address, p.limits.User, p.limits.SpareLoopback = limitOf(1), limitOf(1), true
	for range 3 {
		if a := p.call("viewer", "GET", "/sessions/me", ""); a.status != http.StatusOK || a.header.Get("RateLimit-Limit") != "" {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
	for _, want := range []int{200, 429} { // but not who is behind a proxy there
		if a := p.call("viewer", "GET", "/sessions/me", "", "X-Forwarded-For", "192.0.2.1"); a.status != want {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64"} {
		if got := placeOf(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is %s", address, got)
		}
	}
}
