package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/mask"
	"github.com/patchbay-ci/patchbay/sdk"
)

// maxBarrenCalls is how often in a row a connector may die over one call.
const maxBarrenCalls = 5

// logTail is how many lines of a failed instance the step's log gets.
const logTail = 20

// maxLogTail bounds how much of them.
const maxLogTail = 16 << 10

// call asks the connector of a release, again if it dies over it.
func (m *Manager) call(ctx context.Context, r *core.Release, do func(context.Context, *sdk.Client) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, callLimit, fmt.Errorf("connector %s did not answer within %s", r.Connector, callLimit))
	defer cancel()
	for barren := 1; ; barren++ {
		err := m.options.Connectors.Use(ctx, r.Connector, func(client *sdk.Client, info sdk.Info) error {
			if !info.Has(sdk.CapabilityDeploy) {
				return fmt.Errorf("connector %s %s does not deploy", info.Name, info.Version)
			}
			return do(ctx, client)
		})
		if err == nil || !errors.Is(err, sdk.ErrGone) || barren == maxBarrenCalls || ctx.Err() != nil {
			return err
		}
	}
}

// instance is what a connector is told of a deployment.
func instance(d *core.Deployment) sdk.Instance {
	r := &d.Release
	i := sdk.Instance{ID: d.ID, Action: r.Action, Service: d.Service, ReleaseID: r.ID, Version: r.Version, Spec: r.Spec,
		DeployPath: r.DeployPath, Environment: r.Environment}
	for _, p := range d.Ports {
		i.Ports = append(i.Ports, sdk.LeasedPort{Name: p.Name, Address: p.Address, Port: p.Port})
	}
	return i
}

// secrets looks up the values a release's service gets, which are kept nowhere.
func (m *Manager) secrets(ctx context.Context, r *core.Release) (map[string]string, error) {
	if len(r.Secrets) == 0 {
		return nil, nil
	}
	if m.options.Secrets == nil {
		return nil, errors.New("it wants secrets, and this server has none")
	}
	return m.options.Secrets.Resolve(ctx, r.PipelineID, r.Secrets)
}

func (m *Manager) startInstance(ctx context.Context, d *core.Deployment) error {
	secrets, err := m.secrets(ctx, &d.Release)
	if err != nil {
		return err
	}
	return m.call(ctx, &d.Release, func(ctx context.Context, c *sdk.Client) error {
		return c.StartInstance(ctx, sdk.StartInstanceRequest{Instance: instance(d), Secrets: secrets})
	})
}

func (m *Manager) activateInstance(ctx context.Context, d *core.Deployment) (endpoint string, err error) {
	err = m.call(ctx, &d.Release, func(ctx context.Context, c *sdk.Client) error {
		activation, err := c.ActivateInstance(ctx, sdk.ActivateInstanceRequest{Instance: instance(d)})
		endpoint = activation.Endpoint
		return err
	})
	return endpoint, err
}

func (m *Manager) stopInstance(ctx context.Context, d *core.Deployment) error {
	grace := orElse(d.Release.Grace.Std(), defaultGrace)
	return m.call(ctx, &d.Release, func(ctx context.Context, c *sdk.Client) error {
		return c.StopInstance(ctx, sdk.StopInstanceRequest{Instance: instance(d), Grace: grace})
	})
}

func (m *Manager) inspectInstance(ctx context.Context, d *core.Deployment) (status sdk.InstanceStatus, err error) {
	err = m.call(ctx, &d.Release, func(ctx context.Context, c *sdk.Client) error {
		status, err = c.InspectInstance(ctx, sdk.InspectInstanceRequest{Instance: instance(d)})
		return err
	})
	return status, err
}

func (m *Manager) removeRelease(ctx context.Context, r *core.Release) error {
	return m.call(ctx, r, func(ctx context.Context, c *sdk.Client) error {
		return c.RemoveRelease(ctx, sdk.RemoveReleaseRequest{Action: r.Action, Service: r.Service, ReleaseID: r.ID, Spec: r.Spec, DeployPath: r.DeployPath})
	})
}

// logs writes what an instance printed, without the values of its secrets.
func (m *Manager) logs(ctx context.Context, d *core.Deployment, tail int, follow bool, out io.Writer) error {
	var values []string
	secrets, err := m.secrets(ctx, &d.Release)
	if err != nil {
		return &core.Error{Code: core.CodeUnavailable, Message: "the logs cannot be shown, because the secrets that must not be seen in them cannot be looked up", Err: err}
	}
	for _, value := range secrets {
		values = append(values, value)
	}
	set := mask.New(values)
	stdout, stderr := &masked{set.Stream(0), out}, &masked{set.Stream(0), out}
	request := sdk.InstanceLogsRequest{Instance: instance(d), Tail: tail, Follow: follow}
	err = m.options.Connectors.Use(ctx, d.Release.Connector, func(client *sdk.Client, _ sdk.Info) error {
		return client.InstanceLogs(ctx, request, stdout, stderr)
	})
	return errors.Join(err, stdout.pass(stdout.stream.Flush()), stderr.pass(stderr.stream.Flush()))
}

// masked is one of an instance's streams without secrets.
type masked struct {
	stream *mask.Stream
	out    io.Writer
}

// Write holds back what could be the beginning of a secret.
func (w *masked) Write(p []byte) (int, error) { return len(p), w.pass(w.stream.Write(p)) }

func (w *masked) pass(pieces []mask.Piece) error {
	for _, piece := range pieces {
		if _, err := w.out.Write(piece.Data); err != nil {
			return err
		}
	}
	return nil
}

// sayLogs puts the end of what an instance printed into the step's log.
func (m *Manager) sayLogs(ctx context.Context, j *job, d *core.Deployment) {
	ctx, cancel := context.WithTimeout(ctx, defaultGrace)
	defer cancel()
	var out strings.Builder
	if err := m.logs(ctx, d, logTail, false, &out); err != nil || out.Len() == 0 {
		return
	}
	text := strings.TrimSuffix(out.String(), "\n")
	if len(text) > maxLogTail {
		text = strings.ToValidUTF8(text[len(text)-maxLogTail:], "")
	}
	j.say("the end of what it printed:")
	for line := range strings.SplitSeq(text, "\n") {
		j.say("  %s", line)
	}
}

// ended says how an instance ended.
func ended(s sdk.InstanceStatus) string {
	text := "it does not run"
	switch {
	case s.Signal != "":
		text = "it was ended by " + s.Signal
	case s.ExitCode != nil:
		text = fmt.Sprintf("it exited with code %d", *s.ExitCode)
	}
	if s.Message != "" {
		text += ": " + s.Message
	}
	return text
}

// since is how long ago a moment was; zero is long ago.
func since(t time.Time) time.Duration {
	if t.IsZero() {
		return time.Hour
	}
	return time.Since(t)
}
