package api

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/patchbay-ci/patchbay/core"
)

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
