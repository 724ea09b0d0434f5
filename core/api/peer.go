package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// peer is who sent a request, as far as the network knows.
type peer struct {
	// address is invalid for one that cannot be told.
	address netip.Addr
	// secure says that the client came by HTTPS.
	secure bool
	// proxied says that a proxy which is not trusted says that it has sent it for
	// somebody else.
	proxied bool
}

type peerKey struct{}

// peerOf is who sent a request; the handlers run behind located.
func peerOf(ctx context.Context) peer {
	p, _ := ctx.Value(peerKey{}).(peer)
	return p
}

// located finds out where a request comes from, behind the proxies that are trusted,
// and puts the address in RemoteAddr for those who write it down.
func (h *handlers) located(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := peer{address: addressIn(r.RemoteAddr), secure: r.TLS != nil}
		trusted := h.trusts(p.address)
		if trusted {
			p.address = h.forwardedFor(r, p.address)
			p.secure = strings.EqualFold(lastOf(r.Header.Values("X-Forwarded-Proto")), "https")
		}
		if p.proxied = !trusted && r.Header.Get("X-Forwarded-For") != ""; p.proxied && p.address.IsLoopback() {
			h.strangeProxy.Do(func() {
				h.Logger.Warn("requests come through a proxy on this machine that is not trusted, so all count as from one address; PATCHBAY_TRUSTED_PROXIES=127.0.0.1 trusts it")
			})
		}
		r = r.WithContext(context.WithValue(r.Context(), peerKey{}, p))
		if trusted {
			r.RemoteAddr = net.JoinHostPort(p.address.String(), "0")
		}
		next.ServeHTTP(w, r)
	})
}

// addressIn reads an address with or without a port.
func addressIn(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}

func (h *handlers) trusts(address netip.Addr) bool {
	for _, prefix := range h.Web.TrustedProxies {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// maxHops bounds how many proxies are believed.
const maxHops = 32

// forwardedFor reads X-Forwarded-For from its end: each proxy has added the address
// that it saw. The first one that is no proxy of ours is the client; what is before it
// anybody may have written.
func (h *handlers) forwardedFor(r *http.Request, from netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		address := addressIn(hops[i])
		if !address.IsValid() {
			return from
		}
		if from = address; !h.trusts(address) {
			return from
		}
	}
	return from
}

// lastOf is the last of the values of a header, which the nearest proxy has set.
func lastOf(values []string) string {
	list := strings.Split(strings.Join(values, ","), ",")
	return strings.TrimSpace(list[len(list)-1])
}

// client is what a session remembers of where it was used.
func client(r *http.Request) core.ClientInfo {
	info := core.ClientInfo{UserAgent: r.UserAgent()}
	if p := peerOf(r.Context()); p.address.IsValid() {
		info.Address = p.address.String()
	}
	return info
}

// isSecure reports whether cookies are for HTTPS alone.
func (h *handlers) isSecure(r *http.Request) bool {
	switch h.Web.Cookies {
	case CookiesAlways:
		return true
	case CookiesNever:
		return false
	default:
		return peerOf(r.Context()).secure || strings.HasPrefix(h.Web.PublicURL, "https://")
	}
}
