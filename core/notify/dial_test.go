package notify

import (
	"net/netip"
	"testing"
	"time"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	open := guard{[]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for address, allowed := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "10.1.2.3": true, "::ffff:10.1.2.3": true, "::ffff:8.8.8.8": true,
		"10.2.0.1": false, "127.0.0.1": false, "127.255.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "169.254.169.254": false,
		"172.16.0.1": false, "192.168.1.1": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "fe80::1": false, "fc00::1": false, "fd12::1": false,
		"ff02::1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:0:1::": false, "fec0::1": false,
	} {
		if err := open.check(netip.MustParseAddr(address)); (err == nil) != allowed {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := open.control("tcp6", "[fe80::1%eth0]:80", nil); err == nil {
		t.Error("a zone gets past the check")
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "99999999": maxPause, "nonsense": 0,
		"Mon, 01 Jan 2001 00:00:00 GMT": 0, "Fri, 01 Jan 2199 00:00:00 GMT": maxPause} {
		if got := retryAfter(value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// The pauses double, up to a bound, and spread.
func TestBackOff(t *testing.T) {
	t.Parallel()
	s := New(Options{RetryDelay: time.Second})
	for attempts, want := range map[int]time.Duration{1: time.Second, 3: 4 * time.Second, 1000: maxRetryDelay} {
		if got := s.backOff(attempts); got < want*4/5 || got > want*6/5 {
			t.Errorf("after %d: %v", attempts, got)
		}
	}
}
