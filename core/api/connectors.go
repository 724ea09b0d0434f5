package api

import "net/http"

// ListConnectors serves GET /connectors.
func (h *handlers) ListConnectors(w http.ResponseWriter, r *http.Request) {
	h.answer(w, http.StatusOK, h.Catalog.Connectors(r.Context()))
}

// GetConnector serves GET /connectors/{name}.
func (h *handlers) GetConnector(w http.ResponseWriter, r *http.Request, name string) {
	info, err := h.Catalog.Connector(r.Context(), name)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, info)
}
