package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// openRoute is the health check for people; of the probes, those that are not metrics
// need no token either.
const openRoute = apiBase + "/healthchecker"

func isOpen(path string) bool {
	switch path {
	case openRoute, apiBase + "/livez", apiBase + "/readyz", apiBase + "/openapi.json", apiBase + "/docs", apiBase + "/docs/reference.css", apiBase + "/docs/reference.js":
		return true
	}
	return false
}

// authenticated lets requests with a good token through.
func (h *handlers) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isOpen(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			token = offeredToken(r)
		}
		who, err := h.Authenticate(r.Context(), strings.TrimSpace(token))
		if err != nil {
			h.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(withUser(r.Context(), who)))
	})
}

// recovered turns a panic of one request into its error.
func (h *handlers) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler {
				panic(reason) // how handlers break a connection off
			}
			h.log(r.Context()).Error("panic in a request", "path", r.URL.Path, "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
			h.fail(w, r, &core.Error{Code: core.CodeInternal, Message: "the server could not do this"})
		}()
		next.ServeHTTP(w, r)
	})
}
