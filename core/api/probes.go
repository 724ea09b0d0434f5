package api

import (
	"net/http"
	"strings"
)

// apiBase is where the routes of the contract are.
const apiBase = "/api"

// openRoute is the health check for people.
const openRoute = apiBase + "/healthchecker"

// probes are the routes that machines ask every few seconds, by their names in the
// contract. They are served without apiBase as well, where others look for them.
var probes = map[string]bool{"/livez": true, "/readyz": true, "/metrics": true}

// aliased serves the probes at both places.
func aliased(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if probes[r.URL.Path] {
			inside := r.Clone(r.Context())
			inside.URL.Path, inside.URL.RawPath = apiBase+r.URL.Path, ""
			r = inside
		}
		next.ServeHTTP(w, r)
	})
}

// isProbe reports whether a request is one of those that say nothing new, as a rule.
func isProbe(path string) bool {
	return probes[strings.TrimPrefix(path, apiBase)] || path == openRoute
}
