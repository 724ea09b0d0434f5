package api

import (
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// ListConnectors serves GET /connectors.
func (h *handlers) ListConnectors(w http.ResponseWriter, r *http.Request, params ListConnectorsParams) {
	list, err := pageOfAll(w, r, params.Limit, params.After, h.Catalog.Connectors(r.Context()), func(c *core.ConnectorInfo) string { return c.Name })
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, list)
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
