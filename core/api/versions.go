package api

import "net/http"

// GetPipelineYaml serves GET /ci/pipelines/{id}/yaml.
func (h *handlers) GetPipelineYaml(w http.ResponseWriter, r *http.Request, id Id) {
	p, err := h.Store.Pipeline(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	revision, err := h.Store.Revision(r.Context(), id, p.Revision)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(revision.YAML))
}

// ListVersions serves GET /ci/pipelines/{id}/versions.
func (h *handlers) ListVersions(w http.ResponseWriter, r *http.Request, id Id) {
	if _, err := h.Store.Pipeline(r.Context(), id); err != nil {
		h.fail(w, r, err)
		return
	}
	list, err := h.Store.Revisions(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]Version, 0, len(list))
	for _, revision := range list {
		body = append(body, Version{Number: revision.Number, CreatedAt: revision.CreatedAt})
	}
	h.answer(w, http.StatusOK, body)
}

// GetVersion serves GET /ci/pipelines/{id}/versions/{number}.
func (h *handlers) GetVersion(w http.ResponseWriter, r *http.Request, id Id, number int) {
	revision, err := h.Store.Revision(r.Context(), id, number)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, Version{Number: revision.Number, CreatedAt: revision.CreatedAt, YamlContent: &revision.YAML})
}
