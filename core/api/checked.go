package api

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api/contract"
)

type operationKey struct{}

// operationOf returns the operation of the contract that a request is for, or nil.
func operationOf(ctx context.Context) *contract.Operation {
	o, _ := ctx.Value(operationKey{}).(*contract.Operation)
	return o
}

// routePattern is what a template of the router may have behind a parameter's name.
var routePattern = regexp.MustCompile(`\{(\w+):[^{}]*\}`)

// checked holds each request against the contract before its handler sees it:
// parameters and the media type of the body here, a body in JSON when readJSON reads it.
// It runs behind the router, which knows the route.
func (h *handlers) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation := h.asked(r)
		if operation == nil {
			next.ServeHTTP(w, r)
			return
		}
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			err = &core.Error{Code: core.CodeInvalid, Message: "the query cannot be read", Err: err,
				Suggestions: []string{"percent-encode names and values, and put & between them"}}
		} else {
			err = operation.CheckParameters(mux.Vars(r), query, r.Header)
		}
		if err == nil {
			err = checkMedia(operation, r)
		}
		if err != nil {
			h.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operationKey{}, operation)))
	})
}

// asked looks a request up that the router has matched.
func (h *handlers) asked(r *http.Request) *contract.Operation {
	route := mux.CurrentRoute(r)
	if route == nil {
		return nil
	}
	template, err := route.GetPathTemplate()
	if err != nil {
		return nil
	}
	return h.contract.Find(r.Method, routePattern.ReplaceAllString(template, "{$1}"))
}

// checkMedia refuses a body of a type that the operation does not take. Whether one of
// no type will do is the reader's to say.
func checkMedia(o *contract.Operation, r *http.Request) error {
	given := r.Header.Get("Content-Type")
	if o.Body == nil || given == "" || r.ContentLength == 0 {
		return nil
	}
	kind, _, err := mime.ParseMediaType(given)
	if err == nil && o.Body.TakesMedia(kind) {
		return nil
	}
	types := o.Body.Types()
	return &core.Error{Code: core.CodeUnsupportedMedia, Message: "the body is " + shortened(given) + ", which is not taken here",
		Details: "what is taken: " + strings.Join(types, ", "), Suggestions: []string{"send the header Content-Type: " + preferred(types)}}
}

func preferred(types []string) string {
	if slices.Contains(types, "application/json") {
		return "application/json"
	}
	return types[0]
}

func shortened(text string) string {
	if len(text) > maxShownKey {
		text = text[:maxShownKey] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
