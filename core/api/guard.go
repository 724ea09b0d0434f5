package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// guarded lets a request through to its handler when its sender may make it, and keeps
// the audit log. It runs behind the router, which knows the operation; a route of the
// API that is not in the contract is nobody's. Pages and probes outside of the API take
// care of themselves.
func (h *handlers) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		template := templateOf(r)
		path, inAPI := strings.CutPrefix(template, "/api")
		if !inAPI {
			next.ServeHTTP(w, r)
			return
		}
		operation := h.operations[r.Method+" "+path]
		t := &trail{operation: operation}
		who, err := h.admit(w, r, operation, t)
		if err != nil {
			t.refused = true
			h.fail(w, r, err)
			h.record(w, r, t, answers[asError(err).Code].status)
			return
		}
		r = r.WithContext(withTrail(withIdentity(r.Context(), who), t))
		switch {
		case isFollowed(operation):
			h.whileAllowed(w, r, who, operation, next)
			return
		case !t.kept(r):
			next.ServeHTTP(w, r)
			return
		}
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		status := http.StatusInternalServerError // for one that panics
		defer func() { h.record(w, r, t, status) }()
		next.ServeHTTP(seen, r)
		status = seen.status
	})
}

// selfGuarded are the open operations that a page of another site must not have a
// browser do: they set and take cookies.
var selfGuarded = []string{"login", "refreshSession", "logout", "logoutByGet"}

// admit says who makes a request, or why they may not. The identity is nil for an
// operation that needs none.
func (h *handlers) admit(w http.ResponseWriter, r *http.Request, operation string, t *trail) (*core.Identity, error) {
	limit := maxBody(r, operation)
	if r.ContentLength > limit { // it need not be sent
		return nil, tooLargeError(limit)
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	shown := h.credentialOf(r)
	if operation != "" && h.Accounts.Open(operation) {
		if slices.Contains(selfGuarded, operation) {
			return nil, h.checkSameSite(r)
		}
		return nil, nil
	}
	t.credential = shown.text != ""
	who, err := h.Accounts.Identify(r.Context(), shown.text)
	if err != nil {
		return nil, err
	}
	t.by(who.Name, who.UserID)
	noteUser(r.Context(), who.Name)
	if shown.ambient && !isSafe(r.Method) {
		if err := h.checkSameSite(r); err != nil {
			return nil, err
		}
	}
	if h.Limits.User != nil && !h.spares(peerOf(r.Context())) {
		if err := h.take(w, r, h.Limits.User, who.UserID+"/"+who.Name); err != nil {
			return nil, err
		}
	}
	t.pipelineID, err = h.mayAsk(r, who, operation)
	return who, err
}

// mayAsk returns nil when somebody may make a request, and the pipeline that it is
// about, if that had to be known.
func (h *handlers) mayAsk(r *http.Request, who *core.Identity, operation string) (pipelineID string, err error) {
	if seesAll(who) { // whatever it is about
		return "", h.Accounts.Allow(who, operation, "")
	}
	about, err := h.subjectOf(r, operation)
	if err != nil {
		return "", err
	}
	if about.pipelineID != "" && !who.Sees(about.pipelineID) {
		return about.pipelineID, about.hidden()
	}
	return about.pipelineID, h.Accounts.Allow(who, operation, about.pipelineID)
}

// isSafe reports whether a method changes nothing (RFC 9110, 9.2.1).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// checkSameSite refuses what the page of another site has a browser do, by the headers
// Sec-Fetch-Site and Origin, which no page can set. Programs send neither.
func (h *handlers) checkSameSite(r *http.Request) error {
	if r.Method == http.MethodGet { // one that changes something
		r = r.WithContext(r.Context())
		r.Method = http.MethodPost
	}
	if err := h.origin.Check(r); err != nil {
		return &core.Error{Code: core.CodeForbidden, Message: "a page of another site has sent this request", Err: err,
			Suggestions: []string{"use the page of this server; the operator may let in others by PATCHBAY_CORS_ORIGINS"}}
	}
	return nil
}

// maxOtherBody is the largest body of an operation that takes no pipeline file.
const maxOtherBody = 2 << 20

// maxBody bounds what is read of a request, whatever its handler does.
func maxBody(r *http.Request, operation string) int64 {
	switch {
	case receives(r):
		return core.MaxDelivery
	case strings.HasSuffix(operation, "Pipeline"):
		return maxJSON
	}
	return maxOtherBody
}
