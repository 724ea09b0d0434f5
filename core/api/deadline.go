package api

import (
	"context"
	"net/http"
)

// longRunning operations have limits of their own: a follower's for each write, a
// download's likewise, a drain's from its parameter.
var longRunning = map[string]bool{
	"getLogs": true, "getEvents": true, "streamExecution": true, "getArtifactArchive": true, "getArtifactFile": true, "drainQueue": true,
}

// timed bounds the work for every other request; what runs longer is answered with 504.
func (h *handlers) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o := operationOf(r.Context()); o == nil || longRunning[o.ID] {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), h.patience.work)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// asGet serves HEAD as GET (RFC 9110, 9.3.2); net/http drops the body. Followers never
// end, so they keep the method and have it refused.
func asGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && !endless(r.URL.Path) {
			r = r.WithContext(r.Context()) // a copy
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}
