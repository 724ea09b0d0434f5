package api

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// limited counts the requests of each address, before anything else is done for them.
func (h *handlers) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limiter := h.Limits.Address
		if receives(r) {
			limiter = h.Limits.Webhook
		}
		from := peerOf(r.Context())
		if limiter == nil || !counts(r.URL.Path) || h.spares(from) {
			next.ServeHTTP(w, r)
			return
		}
		if err := h.take(w, r, limiter, placeOf(from.address)); err != nil {
			h.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// counts reports whether requests for a path are limited: those of probes are not.
func counts(path string) bool {
	return strings.HasPrefix(path, apiBase+"/") && !isProbe(path)
}

// spares reports whether a request is the own machine's, and not that of somebody behind
// a proxy there.
func (h *handlers) spares(p peer) bool {
	return h.Limits.SpareLoopback && p.address.IsLoopback() && !p.proxied
}

// placeOf is what an address is counted as. One place has a /64 of IPv6 (RFC 4291,
// 2.5.1), and so as many addresses as it likes.
func placeOf(address netip.Addr) string {
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}

// take counts a request, tells what is left, and returns TooMany for one too many. When
// it cannot be counted, the request goes on.
func (h *handlers) take(w http.ResponseWriter, r *http.Request, limiter core.RateLimiter, key string) error {
	state, err := limiter.Take(r.Context(), key)
	if err != nil {
		h.log(r.Context()).Error("requests cannot be counted", "error", err)
		return nil
	}
	return tellLimit(w, state)
}

// tellLimit says how much is left, in the headers of draft-ietf-httpapi-ratelimit-headers
// (-06, as most servers have them). Of two limits the one with less left is told.
func tellLimit(w http.ResponseWriter, state core.RateState) error {
	reset := wholeSeconds(time.Until(state.Reset))
	if told, err := strconv.ParseInt(w.Header().Get("RateLimit-Remaining"), 10, 64); err != nil || state.Remaining < told {
		w.Header().Set("RateLimit-Limit", strconv.FormatInt(state.Limit, 10))
		w.Header().Set("RateLimit-Remaining", strconv.FormatInt(state.Remaining, 10))
		w.Header().Set("RateLimit-Reset", strconv.FormatInt(reset, 10))
		w.Header().Set("RateLimit-Policy", fmt.Sprintf("%d;w=%d", state.Limit, wholeSeconds(state.Per)))
	}
	if state.Allowed {
		return nil
	}
	w.Header().Set("Retry-After", strconv.FormatInt(max(reset, 1), 10))
	return &core.Error{Code: core.CodeTooMany, Message: fmt.Sprintf("these are more than %d requests in %s", state.Limit, state.Per),
		Suggestions: []string{fmt.Sprintf("try again in %d seconds, as the header Retry-After says", max(reset, 1))}}
}

// wholeSeconds rounds up: who waits for them has waited long enough.
func wholeSeconds(d time.Duration) int64 { return int64(math.Ceil(max(d, 0).Seconds())) }

// throttled does something that takes a secret, unless it failed too often from the
// same address. Only failures count: many people may share an address.
func (h *handlers) throttled(w http.ResponseWriter, r *http.Request, try func() error) error {
	limiter, place := h.Limits.Login, placeOf(peerOf(r.Context()).address)
	if limiter == nil {
		return try()
	}
	state, err := limiter.Left(r.Context(), place)
	if err == nil && !state.Allowed {
		wait := max(wholeSeconds(time.Until(state.Reset)), 1)
		w.Header().Set("Retry-After", strconv.FormatInt(wait, 10))
		return &core.Error{Code: core.CodeTooMany, Message: "logging in has failed too often from this address",
			Suggestions: []string{fmt.Sprintf("try again in %d seconds", wait)}}
	}
	err = try()
	if core.CodeOf(err) == core.CodeUnauthenticated {
		if _, err := limiter.Take(r.Context(), place); err != nil {
			h.log(r.Context()).Error("failed logins cannot be counted", "error", err)
		}
	}
	return err
}
