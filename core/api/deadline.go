package api

import (
	"context"
	"net/http"
	"time"
)

// handlingTimeout bounds the work for a request whose answer comes at once; what runs
// longer is answered with 504.
const handlingTimeout = 45 * time.Second

// longRunning operations have limits of their own: a follower's for each write, a
// download's likewise, a drain's from its parameter.
var longRunning = map[string]bool{
	"getLogs": true, "getEvents": true, "streamExecution": true, "getArtifactArchive": true, "getArtifactFile": true, "drainQueue": true,
}

// timed bounds every other request.
func timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o := operationOf(r.Context()); o == nil || longRunning[o.ID] {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), handlingTimeout)
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
