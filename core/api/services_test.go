package api

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// deployed is a keeper of one service, web; with a store, of one under the ID of each
// pipeline, which is that pipeline's.
type deployed struct {
	store core.PipelineStore
	err   error
}

func (d *deployed) view(name string) *core.ServiceView {
	at := time.Now()
	return &core.ServiceView{Service: core.Service{Name: "web", Node: "here", State: core.ServiceLive, Live: "d1", CreatedAt: at, ChangedAt: at},
		Health: core.HealthHealthy, Deployment: d.deployment(name), HeartbeatAt: &at}
}

func (d *deployed) deployment(name string) *core.Deployment {
	return &core.Deployment{ID: "d1", Service: "web", Node: "here", Kind: core.DeployRelease, State: core.DeploymentLive, Endpoint: "http://127.0.0.1:1",
		Release: core.Release{ID: "d1", Version: "1.2", PipelineID: name}, Ports: []core.LeasedPort{{Name: "http", Address: "127.0.0.1", Port: 1}}}
}

func (d *deployed) known(ctx context.Context, name string) error {
	if d.err != nil || name == "web" || name == "busy" {
		return d.err
	}
	if d.store != nil {
		if _, err := d.store.Pipeline(ctx, name); err == nil {
			return nil
		}
	}
	return core.NotFound("service", name)
}

func (d *deployed) Services(context.Context) ([]*core.ServiceView, error) {
	return []*core.ServiceView{d.view("web")}, d.err
}
func (d *deployed) Service(ctx context.Context, name string) (*core.ServiceView, error) {
	return d.view(name), d.known(ctx, name)
}
func (d *deployed) History(ctx context.Context, name string, _ core.Page) ([]*core.Deployment, error) {
	return []*core.Deployment{d.deployment(name)}, d.known(ctx, name)
}
func (d *deployed) Rollback(ctx context.Context, name, to, _ string) (*core.Deployment, error) {
	if to == "gone" {
		return nil, core.Errorf(core.CodeConflict, "the release is not kept any longer")
	}
	return d.deployment(name), d.known(ctx, name)
}
func (d *deployed) StopService(ctx context.Context, name, _ string) (*core.ServiceView, error) {
	return d.view(name), d.idle(ctx, name)
}

// idle is known, but for a service that is at work.
func (d *deployed) idle(ctx context.Context, name string) error {
	if d.err == nil && name == "busy" {
		return core.Errorf(core.CodeConflict, "service busy is being deployed or stopped right now")
	}
	return d.known(ctx, name)
}

func (d *deployed) StartService(ctx context.Context, name, _ string) (*core.Deployment, error) {
	return d.deployment(name), d.idle(ctx, name)
}
func (d *deployed) Logs(ctx context.Context, name string, q core.InstanceLogsQuery, out io.Writer) error {
	if err := d.known(ctx, name); err != nil {
		return err
	}
	if q.Deployment == "elsewhere" {
		return core.Errorf(core.CodeConflict, "the service is on another node")
	}
	_, err := io.WriteString(out, "hello\n")
	return err
}
func (d *deployed) Ports(context.Context) ([]*core.PortLease, error) {
	return []*core.PortLease{{ID: "here/1", Node: "here", Port: 1, Service: "web", Deployment: "d1", Name: "http"}}, d.err
}

func TestServices(t *testing.T) {
	t.Parallel()
	keeper := &deployed{}
	b := newBench(t, func(h *handlers) { h.Services = keeper })
	if list := decoded[[]Service](t, b.do("GET", "/api/ci/services", "", "")); len(list) != 1 || list[0].Name != "web" || *list[0].Version != "1.2" || *list[0].Endpoint == "" {
		t.Errorf("%+v", list)
	}
	if ports := decoded[[]PortLease](t, b.do("GET", "/api/ci/service-ports", "", "")); len(ports) != 1 || ports[0].Port != 1 {
		t.Errorf("%+v", ports)
	}
	for path, want := range map[string]int{
		"GET /web": 200, "GET /none": 404, "GET /web/history": 200, "GET /none/history": 404, "GET /web/history?limit=0": 400,
		"POST /web/rollback?to=d0": 202, "POST /web/rollback?to=gone": 409, "POST /none/rollback": 404,
		"POST /web/stop": 200, "POST /none/stop": 404, "POST /busy/stop": 409, "POST /busy/start": 409, "POST /web/start": 202, "POST /none/start": 404,
		"GET /web/logs": 200, "GET /web/logs?follow=true&tail=5": 200, "GET /none/logs": 404, "GET /web/logs?tail=-1": 400,
		"GET /web/logs?deployment=elsewhere": 409,
	} {
		method, rest, _ := strings.Cut(path, " ")
		a := b.do(method, "/api/ci/services"+rest, "", "")
		if a.status != want || strings.HasPrefix(rest, "/web/logs") && want == 200 && a.body != "hello\n" {
			t.Errorf("%s: got %d %s, want %d", path, a.status, a.body, want)
		}
	}
}
