package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// answers says how each kind of error is told: the HTTP status and the family.
var answers = map[core.ErrorCode]struct {
	status int
	family ErrorError
}{
	core.CodeInvalid:          {http.StatusBadRequest, ValidationError},
	core.CodeUnauthenticated:  {http.StatusUnauthorized, AuthenticationError},
	core.CodeForbidden:        {http.StatusForbidden, AuthenticationError},
	core.CodeNotFound:         {http.StatusNotFound, ValidationError},
	core.CodeConflict:         {http.StatusConflict, ValidationError},
	core.CodeTooLarge:         {http.StatusRequestEntityTooLarge, ValidationError},
	core.CodeTooMany:          {http.StatusTooManyRequests, ValidationError},
	core.CodeUnsupportedMedia: {http.StatusUnsupportedMediaType, ValidationError},
	core.CodeUnavailable:      {http.StatusServiceUnavailable, InternalError},
	core.CodeExternal:         {http.StatusBadGateway, ExternalServiceError},
	core.CodeTimeout:          {http.StatusGatewayTimeout, TimeoutError},
	core.CodeInternal:         {http.StatusInternalServerError, InternalError},
}

// fail answers with an error. What is not meant for users goes to the log only.
func (h *handlers) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.failWith(w, r, answers[asError(err).Code].status, err)
}

func (h *handlers) failWith(w http.ResponseWriter, r *http.Request, status int, err error) {
	if gone := r.Context().Err(); gone != nil && errors.Is(err, gone) {
		return // nobody listens, and nothing else is wrong
	}
	known := asError(err)
	if status >= http.StatusInternalServerError {
		h.log(r.Context()).Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if r.Context().Err() != nil {
		return
	}
	body := Error{Error: answers[known.Code].family, Message: known.Message, Details: known.Details,
		Suggestions: known.Suggestions, Timestamp: time.Now().UTC(), Status: status}
	if body.Suggestions == nil {
		body.Suggestions = []string{}
	}
	if len(known.Diagnostics) > 0 {
		body.Diagnostics = diagnostics(known.Diagnostics)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	h.answer(w, status, body)
}

// asError returns the Error in a chain, or a general one that tells nothing. Its code
// is one of answers.
func asError(err error) *core.Error {
	var known *core.Error
	if errors.As(err, &known) {
		if _, told := answers[known.Code]; told {
			return known
		}
	} else if errors.Is(err, context.DeadlineExceeded) {
		return &core.Error{Code: core.CodeTimeout, Message: "this took too long", Suggestions: []string{"try again in a while"}}
	}
	return &core.Error{Code: core.CodeInternal, Message: "the server could not do this",
		Suggestions: []string{"try again; if it stays so, the server's log has the reason"}}
}

// answer writes a JSON body.
func (h *handlers) answer(w http.ResponseWriter, status int, body any) {
	h.answerAs(w, "application/json", status, body)
}

// answerAs writes a JSON body of a media type of its own.
func (h *handlers) answerAs(w http.ResponseWriter, kind string, status int, body any) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		h.Logger.Debug("an answer could not be sent", "error", err)
	}
}

func diagnostics(list []core.Diagnostic) *[]Diagnostic {
	out := make([]Diagnostic, 0, len(list))
	for _, d := range list {
		out = append(out, Diagnostic{Severity: DiagnosticSeverity(d.Severity), File: some(d.File), Line: d.Line, Column: d.Column,
			Message: d.Message, Suggestion: some(d.Suggestion), Excerpt: some(d.Excerpt)})
	}
	return &out
}

// some is how the generated types say that a field is there: not empty.
func some[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}
