package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// HealthChecker finds out how the server is, within time limits of its own.
type HealthChecker interface {
	Check(ctx context.Context) core.HealthReport
}

// healthTimeout bounds the health check of a server without a HealthChecker.
const healthTimeout = 2 * time.Second

// healthJSON is the media type of draft-inadarei-api-health-check-06.
const healthJSON = "application/health+json"

// GetHealth serves GET /healthchecker. Its status is that of the store alone, as clients
// of old expect: GetReady has the others'.
func (h *handlers) GetHealth(w http.ResponseWriter, r *http.Request) {
	report := h.health(r)
	body := Health{Status: "success", Message: "Patchbay works", Timestamp: time.Now().UTC(), Version: h.Version}
	body.Database.Status, body.Database.Type = "connected", h.Store.Kind()
	body.Connectors.Broken = []string{}
	status := http.StatusOK
	if c := component(report, "store"); c.Status == core.HealthFail {
		status = http.StatusServiceUnavailable
		body.Status, body.Message, body.Database.Status = "error", "the database does not answer", "disconnected"
	}
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	known := h.known(r)
	for _, connector := range h.Catalog.Connectors(ctx) {
		body.Connectors.Total++
		if connector.State == core.ConnectorBroken && known {
			body.Connectors.Broken = append(body.Connectors.Broken, connector.Name)
		}
	}
	if known {
		list := make([]ComponentHealth, 0, len(report.Components))
		for _, c := range report.Components {
			list = append(list, ComponentHealth{Name: c.Name, Status: ComponentHealthStatus(c.Status), Message: some(c.Message), Measure: some(c.Measure),
				Unit: some(c.Unit), Value: measured(c)})
		}
		body.Components = &list
	}
	h.answer(w, status, body)
}

// health asks the components, and says in the log what is wrong with them.
func (h *handlers) health(r *http.Request) core.HealthReport {
	report := core.HealthReport{Status: core.HealthPass}
	if h.Observe.Health != nil {
		report = h.Observe.Health.Check(r.Context())
	} else {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		store := core.ComponentHealth{Name: "store", Status: core.HealthPass, At: time.Now().UTC()}
		if err := h.Store.Ping(ctx); err != nil {
			store.Status, store.Err, report.Status = core.HealthFail, err, core.HealthFail
		}
		report.Components = []core.ComponentHealth{store}
	}
	for _, c := range report.Components {
		if c.Status == core.HealthFail {
			h.log(r.Context()).Error("a component is not well", "component", c.Name, "message", c.Message, "error", c.Err)
		}
	}
	return report
}

func component(report core.HealthReport, name string) core.ComponentHealth {
	for _, c := range report.Components {
		if c.Name == name {
			return c
		}
	}
	return core.ComponentHealth{}
}

func measured(c core.ComponentHealth) *float64 {
	if c.Measure == "" {
		return nil
	}
	value := c.Value
	return &value
}

// notReady names what keeps the server from being ready: the phase it is in, and the
// components that do not work. Their names are no secret.
func notReady(report core.HealthReport) string {
	var reasons []string
	if report.Phase != "" {
		reasons = append(reasons, report.Phase)
	}
	for _, c := range report.Components {
		if c.Status == core.HealthFail {
			reasons = append(reasons, c.Name)
		}
	}
	return "not ready: " + strings.Join(reasons, ", ")
}

// GetLive serves GET /livez. It asks nobody: a store that is away is no reason to
// restart the process.
func (h *handlers) GetLive(w http.ResponseWriter, _ *http.Request) {
	h.answerAs(w, healthJSON, http.StatusOK, Readiness{Status: ReadinessStatusPass})
}

// GetReady serves GET /readyz.
func (h *handlers) GetReady(w http.ResponseWriter, r *http.Request) {
	report := h.health(r)
	body := Readiness{Status: ReadinessStatus(report.Status)}
	status := http.StatusOK
	if report.Status == core.HealthFail {
		status, body.Output = http.StatusServiceUnavailable, some(notReady(report))
		w.Header().Set("Retry-After", "1")
	}
	if h.known(r) {
		body.ReleaseId = some(h.Version)
		checks := map[string][]HealthCheck{}
		for _, c := range report.Components {
			name := strings.TrimSuffix(c.Name+":"+c.Measure, ":")
			checks[name] = []HealthCheck{{ComponentId: c.Name, Status: HealthCheckStatus(c.Status), Output: some(c.Message), Time: c.At,
				ObservedValue: measured(c), ObservedUnit: some(c.Unit)}}
		}
		body.Checks = &checks
	}
	h.answerAs(w, healthJSON, status, body)
}

// known reports whether a request to an open route comes from somebody who is known:
// only they are told details.
func (h *handlers) known(r *http.Request) bool {
	if user(r.Context()) != "" {
		return true
	}
	_, err := h.Accounts.Identify(r.Context(), h.credentialOf(r).text)
	return err == nil
}

// GetMetrics serves GET /metrics.
func (h *handlers) GetMetrics(w http.ResponseWriter, r *http.Request) {
	if h.Observe.Metrics == nil {
		h.absent(w, r, "metrics")
		return
	}
	h.Observe.Metrics.ServeHTTP(w, r)
}

// GetContract serves GET /openapi.json.
func (h *handlers) GetContract(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(h.contractJSON)
}
