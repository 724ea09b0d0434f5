package api

import (
	"net/http"
	"strings"

	"github.com/rs/cors"
)

// hardened sets the headers that keep browsers from doing more with an answer than is
// meant; a handler whose answer is a page sets its own in place of them.
func (h *handlers) hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			header.Set("Cache-Control", "private, no-cache")
			header.Add("Vary", "Cookie, Authorization")
		}
		if peerOf(r.Context()).secure {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// maxPreflight is how long browsers may remember what pages may do, in seconds.
const maxPreflight = 600

// shared lets the pages of other origins use the API, if there are any.
func (h *handlers) shared(next http.Handler) http.Handler {
	if len(h.Origins) == 0 {
		return next
	}
	methods := h.Web.Methods
	if len(methods) == 0 {
		methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	}
	return cors.New(cors.Options{AllowedOrigins: h.Origins, AllowedMethods: methods, AllowCredentials: h.Web.Credentials, MaxAge: maxPreflight,
		AllowedHeaders: []string{"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "Last-Event-ID", "X-Request-ID", "Traceparent"},
		ExposedHeaders: []string{"Link", "ETag", "Location", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy", "X-Request-ID"},
	}).Handler(next)
}
