package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// sayEvery is how many failed checks in a row are one line of the log, after the first
// few.
const sayEvery = 10

// maxAnswer bounds what is read of an answer to a check.
const maxAnswer = 64 << 10

// checkClient makes the client of HTTP checks: each check is a connection of its own,
// straight to the service, and a redirection is an answer.
func checkClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// untilHealthy checks a new instance until it is healthy. The error is a failure when it is
// not and will not be.
func (m *Manager) untilHealthy(ctx context.Context, j *job, d *core.Deployment) error {
	h := d.Release.Health
	interval := orElse(h.Interval.Std(), m.options.CheckInterval)
	retries, began := orElse(h.Retries, defaultRetries), time.Now()
	grace, needed := h.StartPeriod.Std(), 1
	if h.HTTP == nil && h.TCP == nil && len(h.Command) == 0 {
		needed = 2 // it runs, and it still runs after a moment
	}
	checking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(j.stop, func() { stop(context.Cause(j.stop)) })()
	for tries, failures, well := 1, 0, 0; ; tries++ {
		if err := m.mustRun(checking, d); err != nil {
			return m.stopped(ctx, j, err)
		}
		err := m.check(checking, d)
		switch {
		case checking.Err() != nil:
			return m.stopped(ctx, j, err)
		case err == nil:
			if well++; well >= needed {
				j.say("healthy: %s", checkName(d))
				return nil
			}
		default:
			well = 0
			early := time.Since(began) < grace
			if !early {
				failures++
			}
			if tries <= 3 || tries%sayEvery == 0 || failures >= retries {
				j.say("check %d failed: %v", tries, err)
			}
			if failures >= retries {
				return fail("%s failed %d times in a row: %v", checkName(d), failures, err)
			}
		}
		if !pause(checking, interval) {
			return m.stopped(ctx, j, nil)
		}
	}
}

// stopped tells why a check did not go on.
func (m *Manager) stopped(ctx context.Context, j *job, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case j.stop.Err() != nil:
		return fail("%v", context.Cause(j.stop))
	}
	return err
}

// mustRun fails for an instance that has ended: no check will find it well.
func (m *Manager) mustRun(ctx context.Context, d *core.Deployment) error {
	status, err := m.inspectInstance(ctx, d)
	switch {
	case err != nil:
		return failed(ctx, "it could not be inspected: %v", err)
	case status.State != sdk.InstanceRunning:
		return fail("%s", ended(status))
	}
	return nil
}

// check is one check; an error says what was wrong.
func (m *Manager) check(ctx context.Context, d *core.Deployment) error {
	h := d.Release.Health
	timeout := orElse(h.Timeout.Std(), defaultTimeout)
	if len(h.Command) > 0 {
		return m.checkCommand(ctx, d, timeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	var err error
	switch {
	case h.HTTP != nil:
		err = m.checkHTTP(ctx, d, *h.HTTP)
	case h.TCP != nil:
		err = m.checkTCP(ctx, d, h.TCP.Port)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (m *Manager) checkHTTP(ctx context.Context, d *core.Deployment, h core.HTTPCheck) error {
	address := h.URL
	if address == "" {
		port, ok := portOf(d.Ports, h.Port)
		if !ok {
			return fmt.Errorf("there is no port %q", h.Port)
		}
		address = "http://" + port.String() + orElse(h.Path, "/")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "patchbay-health-check")
	answer, err := m.http.Do(request)
	if err != nil {
		return reason(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // the status is what counts
	if h.Status != 0 && answer.StatusCode != h.Status {
		return fmt.Errorf("%s answered %d, not %d", address, answer.StatusCode, h.Status)
	}
	if h.Status == 0 && (answer.StatusCode < 200 || answer.StatusCode >= 400) {
		return fmt.Errorf("%s answered %s", address, answer.Status)
	}
	return nil
}

func (m *Manager) checkTCP(ctx context.Context, d *core.Deployment, name string) error {
	port, ok := portOf(d.Ports, name)
	if !ok {
		return fmt.Errorf("there is no port %q", name)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", port.String())
	if err != nil {
		return reason(err)
	}
	return conn.Close()
}

func (m *Manager) checkCommand(ctx context.Context, d *core.Deployment, timeout time.Duration) error {
	secrets, err := m.secrets(ctx, &d.Release)
	if err != nil {
		return err
	}
	var result sdk.HealthResult
	err = m.call(ctx, &d.Release, func(ctx context.Context, c *sdk.Client) error {
		ctx, cancel := context.WithTimeout(ctx, timeout+defaultTimeout) // the connector ends the command itself
		defer cancel()
		result, err = c.CheckInstance(ctx, sdk.CheckInstanceRequest{Instance: instance(d), Secrets: secrets, Argv: d.Release.Health.Command, Timeout: timeout})
		return err
	})
	if err == nil && !result.Healthy {
		return errors.New(orElse(result.Message, "the command failed"))
	}
	return err
}

// reason is an error of the network without the address, which is known.
func reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return fmt.Errorf("%s: %w", op.Addr, op.Err)
	}
	return err
}

// checkName says what was looked at.
func checkName(d *core.Deployment) string {
	h := d.Release.Health
	switch {
	case h.HTTP != nil && h.HTTP.URL != "":
		return "GET " + h.HTTP.URL
	case h.HTTP != nil:
		return "GET " + orElse(h.HTTP.Path, "/")
	case h.TCP != nil:
		return "the connection"
	case len(h.Command) > 0:
		return "the check's command"
	}
	return "it runs"
}
