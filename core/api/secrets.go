package api

import (
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// ListSecrets serves GET /secrets.
func (h *handlers) ListSecrets(w http.ResponseWriter, r *http.Request, params ListSecretsParams) {
	scope, ok := h.secretScope(w, r, params.PipelineId)
	if !ok {
		return
	}
	list, err := h.Secrets.ListSecrets(r.Context(), scope)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if list, err = pageOfAll(w, r, params.Limit, params.After, list, func(s *core.Secret) string { return s.Name }); err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]Secret, 0, len(list))
	for _, s := range list {
		body = append(body, Secret{Name: s.Name, PipelineId: some(s.PipelineID), CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, UpdatedBy: some(s.UpdatedBy)})
	}
	h.answer(w, http.StatusOK, body)
}

// SetSecret serves PUT /secrets/{name}.
func (h *handlers) SetSecret(w http.ResponseWriter, r *http.Request, name string, params SetSecretParams) {
	scope, ok := h.secretScope(w, r, params.PipelineId)
	if !ok {
		return
	}
	var body struct {
		Value *string `json:"value"` // to tell one that is missing from one that is empty
	}
	err := readJSON(w, r, &body)
	if err == nil && body.Value == nil {
		err = &core.Error{Code: core.CodeInvalid, Message: "value is missing", Suggestions: []string{`send {"value": …}`}}
	}
	if err == nil {
		_, err = h.Secrets.SetSecret(r.Context(), scope, name, *body.Value, user(r.Context()))
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// DeleteSecret serves DELETE /secrets/{name}.
func (h *handlers) DeleteSecret(w http.ResponseWriter, r *http.Request, name string, params DeleteSecretParams) {
	scope, ok := h.secretScope(w, r, params.PipelineId)
	if !ok {
		return
	}
	if err := h.Secrets.DeleteSecret(r.Context(), scope, name); err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// secretScope returns the pipeline whose secrets a request is about, "" for the global
// ones. It has answered when it is not ok: a typing error must not make a secret that
// no pipeline will ever get.
func (h *handlers) secretScope(w http.ResponseWriter, r *http.Request, pipeline *string) (scope string, ok bool) {
	if h.Secrets == nil {
		h.absent(w, r, "secrets")
		return "", false
	}
	if value(pipeline) == "" {
		return "", true
	}
	if _, err := h.Store.Pipeline(r.Context(), *pipeline); err != nil {
		h.fail(w, r, err)
		return "", false
	}
	return *pipeline, true
}

// RotateSecrets serves POST /secrets/rotate.
func (h *handlers) RotateSecrets(w http.ResponseWriter, r *http.Request) {
	if h.Secrets == nil {
		h.absent(w, r, "secrets")
		return
	}
	n, err := h.Secrets.Rotate(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, SecretRotation{Message: "all secrets are encrypted with a new key", Secrets: n})
}
