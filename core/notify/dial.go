package notify

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// special are networks that are not the public Internet's (IANA's registries of
// special-purpose addresses, RFC 6890), besides those that netip knows. Some lead to
// IPv4 addresses in disguise: 6to4 (RFC 3056), Teredo (RFC 4380), NAT64 (RFC 6052).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// guard keeps pipelines from using the server to reach what only the server can.
type guard struct{ allowed []netip.Prefix }

// errAddress is an address that the guard refuses.
var errAddress = errors.New("the address is not on the public Internet, and the operator has not allowed its network (notify_networks)")

// check returns errAddress for what must not be reached.
func (g guard) check(address netip.Addr) error {
	address = address.Unmap().WithZone("")
	in := func(p netip.Prefix) bool { return p.Contains(address) }
	if slices.ContainsFunc(g.allowed, in) {
		return nil
	}
	if !address.IsGlobalUnicast() || address.IsPrivate() || slices.ContainsFunc(special, in) {
		return errAddress
	}
	return nil
}

// control runs when a name is resolved, before the connection is made: so a name that
// means another address by then, and a redirect, are checked, too.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	return g.check(parsed.Addr())
}

// maxRedirects is how often a receiver may send a message elsewhere.
const maxRedirects = 3

// newClient makes a client for addresses that pipelines name. It uses no proxy: the
// check would be one of the proxy's address.
func newClient(g guard) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: g.control}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns: 32, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true}
	return &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, before []*http.Request) error {
		// 301 to 303 would become a GET without the message.
		if r.Method != http.MethodPost || len(before) > maxRedirects || before[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return http.ErrUseLastResponse
		}
		r.Header.Del("Referer")
		return nil
	}}
}
