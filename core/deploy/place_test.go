package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/patchbay-ci/patchbay/sdk"
)

// place is where instances run: it outlives managers and connectors, as a machine does. It
// is a connector that speaks the real protocol over a connection the test can cut.
type place struct {
	t *testing.T

	mu        sync.Mutex
	instances map[string]*placed
	active    map[string]string // by service: the instance
	removed   map[string]bool   // releases
	changed   chan struct{}     // closed at each change
	wrong     []string
	server    *grpc.Server
	conn      *grpc.ClientConn
}

// placed is one instance.
type placed struct {
	sdk.Instance
	running bool
	exit    *int
	starts  int
	close   func()
	secrets map[string]string
}

// behaviour is a release's spec.
type behaviour struct {
	Unhealthy bool   `json:"unhealthy,omitempty"`
	Start     string `json:"start,omitempty"` // why it cannot be started
	Dies      bool   `json:"dies,omitempty"`  // at once
	Prints    string `json:"prints,omitempty"`
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, instances: map[string]*placed{}, active: map[string]string{}, removed: map[string]bool{}, changed: make(chan struct{})}
	p.connect()
	t.Cleanup(func() {
		p.cut()
		for _, i := range p.instances {
			if i.running {
				i.close()
			}
		}
		for _, wrong := range p.wrong {
			t.Error(wrong)
		}
	})
	return p
}

func (p *place) connect() {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	sdk.RegisterServer(server, p)
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	if err != nil {
		p.t.Fatal(err)
	}
	p.server, p.conn = server, conn
}

// cut is the death of the connector's process.
func (p *place) cut() {
	p.mu.Lock()
	server, conn := p.server, p.conn
	p.mu.Unlock()
	server.Stop()
	conn.Close()
}

// Use implements Connectors; after a cut it "launches" the connector again.
func (p *place) Use(ctx context.Context, name string, do func(*sdk.Client, sdk.Info) error) error {
	if name != "place" {
		return sdk.Errorf(sdk.ClassNotFound, "there is no connector %q", name)
	}
	p.mu.Lock()
	conn := p.conn
	p.mu.Unlock()
	client := sdk.NewClient(conn)
	info, err := client.Describe(ctx)
	if err == nil {
		err = do(client, info)
	}
	if errors.Is(err, sdk.ErrGone) {
		p.mu.Lock()
		if p.conn == conn {
			p.connect()
		}
		p.mu.Unlock()
	}
	return err
}

func (p *place) Info() sdk.Info {
	return sdk.Info{Name: "place", Version: "1.0.0", Summary: "A place", Actions: []sdk.ActionInfo{{Name: "deploy", Deploys: true}}}
}

func (p *place) RunStep(context.Context, sdk.RunRequest, *sdk.Session) (sdk.Result, error) {
	return sdk.Result{}, errors.New("no steps here")
}

func (p *place) StartInstance(_ context.Context, r sdk.StartInstanceRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b behaviour
	if err := json.Unmarshal(r.Instance.Spec, &b); err != nil {
		return err
	}
	i := p.instances[r.Instance.ID]
	switch {
	case p.removed[r.Instance.ReleaseID]:
		p.wrong = append(p.wrong, "started from a release that was removed: "+r.Instance.ReleaseID)
	case b.Start != "":
		return sdk.Errorf(sdk.ClassExternalService, "%s", b.Start)
	case i == nil:
		i = &placed{Instance: r.Instance}
		p.instances[r.Instance.ID] = i
	case i.running:
		return nil
	}
	i.secrets, i.exit = r.Secrets, nil
	var listeners []net.Listener
	for _, port := range r.Instance.Ports {
		listener, err := net.Listen("tcp", net.JoinHostPort(port.Address, strconv.Itoa(port.Port)))
		if err != nil {
			p.wrong = append(p.wrong, fmt.Sprintf("%s has a port that is not free: %v", r.Instance.ID, err))
			return err
		}
		listeners = append(listeners, listener)
		go func() {
			_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if b.Unhealthy {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
		}()
	}
	i.close = func() {
		for _, l := range listeners {
			l.Close()
		}
	}
	i.running, i.starts = true, i.starts+1
	if b.Dies {
		i.die(7)
	}
	p.tell()
	return nil
}

func (i *placed) die(code int) {
	i.close()
	i.running, i.exit = false, &code
}

// kill is the end of an instance by itself.
func (p *place) kill(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instances[id].die(1)
	p.tell()
}

func (p *place) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *place) ActivateInstance(_ context.Context, r sdk.ActivateInstanceRequest) (sdk.Activation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.instances[r.Instance.ID]; i == nil || !i.running {
		p.wrong = append(p.wrong, "activated what does not run: "+r.Instance.ID)
	}
	p.active[r.Instance.Service] = r.Instance.ID
	p.tell()
	return sdk.Activation{}, nil
}

func (p *place) InspectInstance(_ context.Context, r sdk.InspectInstanceRequest) (sdk.InstanceStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status(r.Instance.ID), nil
}

func (p *place) status(id string) sdk.InstanceStatus {
	switch i := p.instances[id]; {
	case i == nil || !i.running && i.exit == nil:
		return sdk.InstanceStatus{State: sdk.InstanceAbsent}
	case i.running:
		return sdk.InstanceStatus{State: sdk.InstanceRunning}
	default:
		return sdk.InstanceStatus{State: sdk.InstanceExited, ExitCode: i.exit}
	}
}

func (p *place) WatchInstance(ctx context.Context, r sdk.WatchInstanceRequest, report func(sdk.InstanceStatus) error) error {
	for {
		p.mu.Lock()
		status, changed := p.status(r.Instance.ID), p.changed
		p.mu.Unlock()
		if err := report(status); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *place) CheckInstance(_ context.Context, r sdk.CheckInstanceRequest) (sdk.HealthResult, error) {
	return sdk.HealthResult{Healthy: len(r.Argv) > 0 && r.Argv[0] == "true", Message: "false said no"}, nil
}

func (p *place) StopInstance(_ context.Context, r sdk.StopInstanceRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.instances[r.Instance.ID]; i != nil {
		if i.running {
			i.close()
		}
		i.running, i.exit = false, nil
		p.tell()
	}
	return nil
}

func (p *place) RemoveRelease(_ context.Context, r sdk.RemoveReleaseRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.instances {
		if i.ReleaseID == r.ReleaseID && i.running {
			p.wrong = append(p.wrong, "removed a release that runs: "+r.ReleaseID)
		}
	}
	p.removed[r.ReleaseID] = true
	return nil
}

func (p *place) InstanceLogs(_ context.Context, r sdk.InstanceLogsRequest, stdout, _ io.Writer) error {
	var b behaviour
	if err := json.Unmarshal(r.Instance.Spec, &b); err != nil {
		return err
	}
	_, err := io.WriteString(stdout, b.Prints)
	return err
}

// running lists the instances of a service that run.
func (p *place) running(service string) (ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, i := range p.instances {
		if i.Service == service && i.running {
			ids = append(ids, id)
		}
	}
	return ids
}
