package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// open reports whether a path needs no token.
func open(path string) bool {
	switch path {
	case "/api/healthchecker", "/api/openapi.json", "/api/docs", "/api/docs/reference.css", "/api/docs/reference.js":
		return true
	}
	return false
}

// authenticated lets requests with a good token through.
func (h *handlers) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open(r.URL.Path) {
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

// logged writes one line a request.
func (h *handlers) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.Logger.IsDebug() {
			next.ServeHTTP(w, r)
			return
		}
		began := time.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		h.Logger.Debug("request", "method", r.Method, "path", r.URL.Path, "status", seen.status,
			"duration", time.Since(began), "address", r.RemoteAddr)
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

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
			h.Logger.Error("panic in a request", "path", r.URL.Path, "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
			h.fail(w, r, &core.Error{Code: core.CodeInternal, Message: "the server could not do this"})
		}()
		next.ServeHTTP(w, r)
	})
}
