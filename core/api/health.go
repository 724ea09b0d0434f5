package api

import (
	"context"
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// healthTimeout is how long a part may take to say that it works.
const healthTimeout = 2 * time.Second

// GetHealth serves GET /healthchecker.
func (h *handlers) GetHealth(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	body := Health{Status: "success", Message: "Patchbay works", Timestamp: time.Now().UTC(), Version: h.Version}
	body.Database.Status, body.Database.Type = "connected", h.Store.Kind()
	body.Connectors.Broken = []string{}
	status := http.StatusOK
	if err := h.Store.Ping(ctx); err != nil {
		h.Logger.Error("the store does not answer", "error", err)
		status = http.StatusServiceUnavailable
		body.Status, body.Message, body.Database.Status = "error", "the database does not answer", "disconnected"
	}
	for _, connector := range h.Catalog.Connectors(ctx) {
		body.Connectors.Total++
		if connector.State == core.ConnectorBroken {
			body.Connectors.Broken = append(body.Connectors.Broken, connector.Name)
		}
	}
	h.answer(w, status, body)
}
