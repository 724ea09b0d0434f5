package api

import (
	"context"
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// pipelineOf is the pipeline whose service it is; empty before one was live.
func pipelineOf(v *core.ServiceView) string {
	if v.Deployment == nil {
		return ""
	}
	return v.Deployment.Release.PipelineID
}

// served reports whether there are services, and says so if there are not.
func (h *handlers) served(w http.ResponseWriter, r *http.Request) bool {
	if h.Services == nil {
		h.absent(w, r, "services")
		return false
	}
	return true
}

// ListServices serves GET /ci/services.
func (h *handlers) ListServices(w http.ResponseWriter, r *http.Request) {
	if !h.served(w, r) {
		return
	}
	list, err := h.Services.Services(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	views := make([]Service, 0, len(list))
	for _, s := range visibleOf(identity(r.Context()), list, pipelineOf) {
		views = append(views, serviceView(s))
	}
	h.answer(w, http.StatusOK, views)
}

// GetService serves GET /ci/services/{id}.
func (h *handlers) GetService(w http.ResponseWriter, r *http.Request, id Id) {
	h.serviceAnswer(w, r, func(ctx context.Context) (*core.ServiceView, error) { return h.Services.Service(ctx, id) })
}

// StopService serves POST /ci/services/{id}/stop.
func (h *handlers) StopService(w http.ResponseWriter, r *http.Request, id Id) {
	h.serviceAnswer(w, r, func(ctx context.Context) (*core.ServiceView, error) {
		return h.Services.StopService(ctx, id, identity(ctx).Name)
	})
}

func (h *handlers) serviceAnswer(w http.ResponseWriter, r *http.Request, get func(context.Context) (*core.ServiceView, error)) {
	if !h.served(w, r) {
		return
	}
	s, err := get(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, serviceView(s))
}

// ListServiceDeployments serves GET /ci/services/{id}/history.
func (h *handlers) ListServiceDeployments(w http.ResponseWriter, r *http.Request, id Id, params ListServiceDeploymentsParams) {
	if !h.served(w, r) {
		return
	}
	page, err := pageOf(params.Limit, params.After)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	list, err := h.Services.History(r.Context(), id, page)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	views := make([]Deployment, 0, len(list))
	for _, d := range list {
		views = append(views, deploymentView(d))
	}
	if len(list) > 0 {
		linkNext(w, r, page, len(list), list[len(list)-1].ID)
	}
	h.answer(w, http.StatusOK, views)
}

// RollbackService serves POST /ci/services/{id}/rollback.
func (h *handlers) RollbackService(w http.ResponseWriter, r *http.Request, id Id, params RollbackServiceParams) {
	h.deploymentAnswer(w, r, func(ctx context.Context) (*core.Deployment, error) {
		return h.Services.Rollback(ctx, id, value(params.To), identity(ctx).Name)
	})
}

// StartService serves POST /ci/services/{id}/start.
func (h *handlers) StartService(w http.ResponseWriter, r *http.Request, id Id) {
	h.deploymentAnswer(w, r, func(ctx context.Context) (*core.Deployment, error) {
		return h.Services.StartService(ctx, id, identity(ctx).Name)
	})
}

func (h *handlers) deploymentAnswer(w http.ResponseWriter, r *http.Request, begin func(context.Context) (*core.Deployment, error)) {
	if !h.served(w, r) {
		return
	}
	d, err := begin(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusAccepted, deploymentView(d))
}

// GetServiceLogs serves GET /ci/services/{id}/logs.
func (h *handlers) GetServiceLogs(w http.ResponseWriter, r *http.Request, id Id, params GetServiceLogsParams) {
	if !h.served(w, r) {
		return
	}
	query := core.InstanceLogsQuery{Deployment: value(params.Deployment), Tail: value(params.Tail), Follow: value(params.Follow)}
	ctx, cancel := untilStopping(r.Context())
	defer cancel()
	text := &lateText{w: w, follow: query.Follow}
	err := h.Services.Logs(ctx, id, query, text)
	if err != nil && text.out == nil {
		h.fail(w, r, err)
		return
	}
	text.begin()
	if text.stop != nil {
		text.stop()
	}
	h.endStream(r, text.out, err)
}

// lateText begins an answer of text with the first words: until then it may become an
// error.
type lateText struct {
	w      http.ResponseWriter
	follow bool
	out    *follower
	stop   func() // ends the flushing in pauses
}

func (t *lateText) begin() {
	if t.out == nil {
		t.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		t.w.Header().Set("X-Content-Type-Options", "nosniff")
		t.out = newFollower(t.w)
		if t.follow {
			t.stop = t.out.flushInPauses()
		}
	}
}

// Write implements io.Writer.
func (t *lateText) Write(p []byte) (int, error) {
	t.begin()
	return len(p), t.out.write(p)
}

// ListServicePorts serves GET /ci/service-ports.
func (h *handlers) ListServicePorts(w http.ResponseWriter, r *http.Request) {
	if !h.served(w, r) {
		return
	}
	leases, err := h.Services.Ports(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	services, err := h.Services.Services(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	pipelines := map[string]string{}
	for _, s := range services {
		pipelines[s.Service.Name] = pipelineOf(s)
	}
	views := make([]PortLease, 0, len(leases))
	for _, l := range visibleOf(identity(r.Context()), leases, func(l *core.PortLease) string { return pipelines[l.Service] }) {
		views = append(views, PortLease{Node: l.Node, Port: l.Port, Service: l.Service, Deployment: l.Deployment, Name: l.Name, Fixed: l.Fixed, CreatedAt: l.CreatedAt})
	}
	h.answer(w, http.StatusOK, views)
}

func serviceView(v *core.ServiceView) Service {
	s := v.Service
	view := Service{Name: s.Name, Node: s.Node, State: ServiceState(s.State), Health: ServiceHealth(v.Health), Message: some(s.HealthMessage),
		Live: some(s.Live), Deploying: some(s.Deploying), HeartbeatAt: v.HeartbeatAt, CreatedAt: s.CreatedAt, ChangedAt: s.ChangedAt}
	if d := v.Deployment; d != nil {
		view.Version, view.Connector = some(d.Release.Version), some(d.Release.Connector)
		view.PipelineId, view.ExecutionId = some(d.Release.PipelineID), some(d.Release.ExecutionID)
		if s.Live != "" {
			view.Endpoint, view.Ports, view.Restarts = some(d.Endpoint), portViews(d.Ports), some(d.Restarts)
		}
	}
	return view
}

func deploymentView(d *core.Deployment) Deployment {
	return Deployment{Id: d.ID, Service: d.Service, Node: d.Node, Kind: DeploymentKind(d.Kind), State: DeploymentState(d.State), Message: some(d.Message),
		Version: some(d.Release.Version), ReleaseId: d.Release.ID, ReleaseRemoved: some(d.ReleaseRemoved), Connector: d.Release.Connector, Action: d.Release.Action,
		PipelineId: some(d.Release.PipelineID), ExecutionId: some(d.Release.ExecutionID), Step: some(d.Release.Step), Endpoint: some(d.Endpoint),
		Ports: portViews(d.Ports), By: some(d.By), CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, LiveAt: d.LiveAt, EndedAt: d.EndedAt}
}

func portViews(ports []core.LeasedPort) *[]LeasedPort {
	if len(ports) == 0 {
		return nil
	}
	views := make([]LeasedPort, 0, len(ports))
	for _, p := range ports {
		views = append(views, LeasedPort{Name: p.Name, Address: p.Address, Port: p.Port})
	}
	return &views
}
