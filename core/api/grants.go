package api

import (
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// ListGrants serves GET /users/{user}/grants.
func (h *handlers) ListGrants(w http.ResponseWriter, r *http.Request, user UserName) {
	list, err := h.Accounts.Grants(r.Context(), user)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]Grant, 0, len(list))
	for _, g := range list {
		body = append(body, grantView(g))
	}
	h.answer(w, http.StatusOK, body)
}

func grantView(g *core.Grant) Grant {
	return Grant{UserId: g.UserID, PipelineId: g.PipelineID, Role: GrantRole(g.Role), UpdatedAt: g.UpdatedAt, UpdatedBy: some(g.UpdatedBy)}
}

// SetGrant serves PUT /users/{user}/grants/{pipeline}.
func (h *handlers) SetGrant(w http.ResponseWriter, r *http.Request, user UserName, pipeline string) {
	var body NewGrant
	err := readJSON(w, r, &body)
	if err == nil {
		_, err = h.Store.Pipeline(r.Context(), pipeline)
	}
	var grant *core.Grant
	if err == nil {
		trailOf(r.Context()).pipelineID = pipeline
		trailOf(r.Context()).note("role", body.Role)
		grant, err = h.Accounts.SetGrant(r.Context(), identity(r.Context()), user, pipeline, core.Role(body.Role))
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, grantView(grant))
}

// DeleteGrant serves DELETE /users/{user}/grants/{pipeline}.
func (h *handlers) DeleteGrant(w http.ResponseWriter, r *http.Request, user UserName, pipeline string) {
	trailOf(r.Context()).pipelineID = pipeline
	if err := h.Accounts.DeleteGrant(r.Context(), user, pipeline); err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
