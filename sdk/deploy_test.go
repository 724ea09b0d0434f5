package sdk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (c *complete) StartInstance(_ context.Context, r StartInstanceRequest) error { return c.keep(r) }
func (c *complete) ActivateInstance(_ context.Context, r ActivateInstanceRequest) (Activation, error) {
	return Activation{Endpoint: "/here"}, c.keep(r)
}
func (c *complete) InspectInstance(_ context.Context, r InspectInstanceRequest) (InstanceStatus, error) {
	return InstanceStatus{State: InstanceRunning}, c.keep(r)
}
func (c *complete) CheckInstance(_ context.Context, r CheckInstanceRequest) (HealthResult, error) {
	return HealthResult{Healthy: true}, c.keep(r)
}
func (c *complete) StopInstance(_ context.Context, r StopInstanceRequest) error   { return c.keep(r) }
func (c *complete) RemoveRelease(_ context.Context, r RemoveReleaseRequest) error { return c.keep(r) }
func (c *complete) InstanceLogs(_ context.Context, r InstanceLogsRequest, _, _ io.Writer) error {
	return c.keep(r)
}

func (panicky) StartInstance(context.Context, StartInstanceRequest) error { panic("start") }
func (panicky) ActivateInstance(context.Context, ActivateInstanceRequest) (Activation, error) {
	panic("activate")
}
func (panicky) InspectInstance(context.Context, InspectInstanceRequest) (InstanceStatus, error) {
	panic("inspect")
}
func (panicky) CheckInstance(context.Context, CheckInstanceRequest) (HealthResult, error) {
	panic("check")
}
func (panicky) StopInstance(context.Context, StopInstanceRequest) error   { panic("stop") }
func (panicky) RemoveRelease(context.Context, RemoveReleaseRequest) error { panic("remove") }
func (panicky) InstanceLogs(context.Context, InstanceLogsRequest, io.Writer, io.Writer) error {
	panic("logs")
}

// errEnough ends a watching.
var errEnough = errors.New("enough")

// deployCalls is one call of each method of a Deployer.
func deployCalls(t *testing.T, c *Client) map[string]func() (any, error) {
	start, activate, inspect := filled[StartInstanceRequest](t), filled[ActivateInstanceRequest](t), filled[InspectInstanceRequest](t)
	check, stop, remove, logs := filled[CheckInstanceRequest](t), filled[StopInstanceRequest](t), filled[RemoveReleaseRequest](t), filled[InstanceLogsRequest](t)
	return map[string]func() (any, error){
		"StartInstance": func() (any, error) { return start, c.StartInstance(t.Context(), start) },
		"ActivateInstance": func() (any, error) {
			_, err := c.ActivateInstance(t.Context(), activate)
			return activate, err
		},
		"InspectInstance": func() (any, error) {
			_, err := c.InspectInstance(t.Context(), inspect)
			return inspect, err
		},
		"WatchInstance": func() (any, error) {
			err := c.WatchInstance(t.Context(), WatchInstanceRequest(inspect), func(InstanceStatus) error { return errEnough })
			if errors.Is(err, errEnough) {
				err = nil
			}
			return inspect, err
		},
		"CheckInstance": func() (any, error) {
			_, err := c.CheckInstance(t.Context(), check)
			return check, err
		},
		"StopInstance":  func() (any, error) { return stop, c.StopInstance(t.Context(), stop) },
		"RemoveRelease": func() (any, error) { return remove, c.RemoveRelease(t.Context(), remove) },
		"InstanceLogs":  func() (any, error) { return logs, c.InstanceLogs(t.Context(), logs, io.Discard, io.Discard) },
	}
}

// watched is a Deployer that watches by itself, and prints a lot.
type watched struct{ complete }

func (*watched) WatchInstance(ctx context.Context, _ WatchInstanceRequest, report func(InstanceStatus) error) error {
	code := 3
	for _, status := range []InstanceStatus{{State: InstanceRunning}, {State: InstanceExited, ExitCode: &code, Since: time.Unix(5, 0).UTC()}} {
		if err := report(status); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (*watched) InstanceLogs(_ context.Context, _ InstanceLogsRequest, stdout, stderr io.Writer) error {
	if _, err := io.WriteString(stderr, "oh\xff"); err != nil {
		return err
	}
	_, err := stdout.Write(bytes.Repeat([]byte("x"), 2*MaxOutputChunk+1))
	return err
}

// TestStreams: what is reported comes in order, and the answers are whole.
func TestStreams(t *testing.T) {
	t.Parallel()
	l := connect(t, &watched{})
	ctx, cancel := context.WithCancel(t.Context())
	var got []InstanceState
	err := l.client.WatchInstance(ctx, WatchInstanceRequest{}, func(s InstanceStatus) error {
		if got = append(got, s.State); s.State == InstanceExited {
			if s.ExitCode == nil || *s.ExitCode != 3 || s.Since.Unix() != 5 {
				t.Errorf("got %+v", s)
			}
			cancel()
		}
		return nil
	})
	if diff := cmp.Diff([]InstanceState{InstanceRunning, InstanceExited}, got); diff != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("%v %s", err, diff)
	}
	var stdout, stderr bytes.Buffer
	if err := l.client.InstanceLogs(t.Context(), InstanceLogsRequest{}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if stdout.Len() != 2*MaxOutputChunk+1 || stderr.String() != "oh\xff" {
		t.Errorf("%d bytes, and %q", stdout.Len(), stderr.String())
	}
	if a, err := l.client.ActivateInstance(t.Context(), ActivateInstanceRequest{}); err != nil || a.Endpoint != "/here" {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestWatchEndsWithTheConnector: its host watches again through the next process.
func TestWatchEndsWithTheConnector(t *testing.T) {
	t.Parallel()
	l := connect(t, &watched{})
	err := l.client.WatchInstance(t.Context(), WatchInstanceRequest{}, func(s InstanceStatus) error {
		if s.State == InstanceExited {
			l.server.disconnect()
		}
		return nil
	})
	if !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
}

// releases is a host that deploys.
type releases struct {
	heard
	got []Release
}

func (r *releases) Release(release Release) error { r.got = append(r.got, release); return nil }

func TestRelease(t *testing.T) {
	t.Parallel()
	want := Release{Service: "web", Version: "1.2", Spec: []byte{0, 1, 255}, Handover: HandoverSwitch,
		Ports: []ServicePort{{Name: "http"}}, Health: HealthCheck{HTTP: &HTTPCheck{Path: "/up"}}}
	l := connectFunc(t, func(_ context.Context, _ RunRequest, s *Session) (Result, error) {
		return Succeeded(), s.Release(want)
	})
	host := &releases{}
	if _, err := runStep(t, l, RunRequest{}, host); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Release{want}, host.got); diff != "" {
		t.Error(diff)
	}
	if _, err := runStep(t, l, RunRequest{}, &heard{}); ClassOf(err) != ClassInternal {
		t.Errorf("a host that does not deploy: got %v", err)
	}
}

func TestReleaseCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Release)
		want   string // in the error; empty when it is right
	}{
		"right":             {func(*Release) {}, ""},
		"fixed and replace": {func(r *Release) { r.Handover, r.Ports[0].Port = HandoverReplace, 8080 }, ""},
		"a URL":             {func(r *Release) { r.Health.HTTP = &HTTPCheck{URL: "https://example.com/x"} }, ""},
		"no name":           {func(r *Release) { r.Service = "" }, "no name for a service"},
		"a path as name":    {func(r *Release) { r.Service = "../x" }, "no name for a service"},
		"dots":              {func(r *Release) { r.Service = "a..b" }, "no name for a service"},
		"a long name":       {func(r *Release) { r.Service = strings.Repeat("a", 64) }, "no name for a service"},
		"two lines":         {func(r *Release) { r.Version = "a\nb" }, "version"},
		"a large spec":      {func(r *Release) { r.Spec = make([]byte, MaxReleaseSpec+1) }, "262145 bytes"},
		"keep":              {func(r *Release) { r.Keep = -1 }, "releases kept"},
		"grace":             {func(r *Release) { r.Grace = 2 * time.Hour }, "to stop"},
		"no handover":       {func(r *Release) { r.Handover = "" }, "handed over"},
		"fixed and switch":  {func(r *Release) { r.Ports[0].Port = 80 }, "hand over by replace"},
		"a port twice":      {func(r *Release) { r.Ports = append(r.Ports, r.Ports[0]) }, "twice"},
		"a port too large":  {func(r *Release) { r.Handover, r.Ports[0].Port = HandoverReplace, 65536 }, "65536"},
		"many ports":        {func(r *Release) { r.Ports = make([]ServicePort, MaxServicePorts+1) }, "33 ports"},
		"a bad variable":    {func(r *Release) { r.Environment = map[string]string{"A=B": ""} }, "environment"},
		"a huge variable":   {func(r *Release) { r.Environment = map[string]string{"A": strings.Repeat("x", MaxReleaseSpec)} }, "environment of"},
		"another port":      {func(r *Release) { r.Health.HTTP.Port = "x" }, `"x"`},
		"another TCP port":  {func(r *Release) { r.Health = HealthCheck{TCP: &TCPCheck{Port: "x"}} }, `"x"`},
		"no port at all":    {func(r *Release) { r.Ports = nil }, "does not have"},
		"two checks":        {func(r *Release) { r.Health.TCP = &TCPCheck{} }, "several"},
		"no command":        {func(r *Release) { r.Health = HealthCheck{Command: &CommandCheck{}} }, "no command"},
		"a path of words":   {func(r *Release) { r.Health.HTTP.Path = "/a b" }, "path"},
		"a status":          {func(r *Release) { r.Health.HTTP.Status = 1000 }, "1000"},
		"a file":            {func(r *Release) { r.Health.HTTP = &HTTPCheck{URL: "file:///etc/passwd"} }, "URL"},
		"a URL and a port":  {func(r *Release) { r.Health.HTTP = &HTTPCheck{URL: "http://a", Port: "http"} }, "one of them"},
		"a long interval":   {func(r *Release) { r.Health.Interval = 2 * time.Hour }, "an hour"},
		"retries":           {func(r *Release) { r.Health.Retries = -1 }, "retries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Release{Service: "web", Handover: HandoverSwitch, Ports: []ServicePort{{Name: "http"}}, Health: HealthCheck{HTTP: &HTTPCheck{}}}
			c.change(&r)
			err := r.Check()
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if ClassOf(err) != ClassInvalidConfig || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
