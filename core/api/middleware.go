package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

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
