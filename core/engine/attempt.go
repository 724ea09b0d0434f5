package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// maxBarrenJoins is how often in a row a connector may die over an attempt without
// having brought anything new.
const maxBarrenJoins = 5

// stopSlack is how long beyond the grace period a connector may take to report a
// cancelled step before the engine destroys the attempt without it.
const stopSlack = 10 * time.Second

// errUnresponsive ends the watching of a step whose connector does not cancel it.
var errUnresponsive = errors.New("the connector did not stop the step in time")

// try runs or joins an attempt until it has an end, and writes that into a. It
// reports whether the engine detached instead. A fresh attempt has never been told
// to a connector.
func (l *stepLife) try(a *core.Attempt, fresh bool) (detached bool) {
	limited, cancel := l.limit(a)
	defer cancel()
	request, err := l.request(a)
	if err != nil {
		l.end(a, core.StatusFailed, err)
		return false
	}
	if fresh {
		err = l.restoreCaches(a)
	}
	switch {
	case l.run.ctx.Err() != nil:
		return true
	case err != nil:
		l.end(a, core.StatusFailed, err)
		return false
	}
	if fresh && limited.Err() != nil { // stopped before it began
		l.endStopped(a, limited)
		return false
	}
	sink := &sink{life: l, attempt: a}
	for barren := 0; ; {
		before := sink.received
		sink.rewind()
		result, err := l.watch(limited, a, request, sink)
		if l.run.ctx.Err() == nil && !errors.Is(err, sdk.ErrGone) && !errors.Is(err, errLog) {
			// Nothing will follow; what was held back is not brought again.
			if flushErr := sink.flush(); flushErr != nil && err == nil {
				err = flushErr
			}
		}
		switch {
		case err == nil && result.Outcome == sdk.OutcomeSucceeded && (sink.release != nil || deploys(sink.info, l.spec.Action)):
			return l.deploy(a, limited, sink, result)
		case err == nil:
			l.conclude(a, limited, result)
			return false
		case l.run.ctx.Err() != nil:
			return true
		case errors.Is(err, errUnresponsive):
			l.run.destroy(l.spec.Connector, []*core.Attempt{a})
			l.endStopped(a, limited)
			a.Message += "; the connector did not confirm it"
			return false
		case !errors.Is(err, sdk.ErrGone) && !errors.Is(err, errLog):
			l.end(a, core.StatusFailed, err)
			return false
		}
		if barren++; sink.received > before {
			barren = 0
		}
		l.run.log.Warn("joining the step again", "step", l.step.Name, "attempt", a.ID, "error", err)
		if barren >= maxBarrenJoins {
			l.end(a, core.StatusFailed, &sdk.Error{Class: sdk.ClassInternal,
				Message: fmt.Sprintf("the %s connector died %d times over this step", l.spec.Connector, barren)})
			return false
		}
		l.refresh(a, &request)
	}
}

// limit makes the context that is done when the attempt is to stop: because the
// step is, or because the attempt's own time is up.
func (l *stepLife) limit(a *core.Attempt) (context.Context, context.CancelFunc) {
	if l.spec.Timeout <= 0 {
		return context.WithCancel(l.stop)
	}
	return context.WithDeadlineCause(l.stop, a.StartedAt.Add(l.spec.Timeout.Std()),
		&stopReason{core.StatusTimeout, fmt.Sprintf("%s time of %s was up", l.whose, l.spec.Timeout)})
}

// request makes what the connector is told.
func (l *stepLife) request(a *core.Attempt) (sdk.RunRequest, error) {
	secrets, err := l.secrets()
	if err != nil {
		return sdk.RunRequest{}, err
	}
	l.inputs.variables.Secrets = secrets
	l.masks = l.run.masks.with(secrets)
	if left := l.masks.LeftOut(); left > 0 {
		l.say(a, "warning: the secrets of this run have so many forms that %d are not masked; use fewer or shorter ones", left)
	}
	l.handOnTrace()
	environment, err := l.inputs.environment()
	if err != nil {
		return sdk.RunRequest{}, invalid(err)
	}
	l.environment = environment
	config, err := l.inputs.config(l.spec.Config, environment)
	if err != nil {
		return sdk.RunRequest{}, invalid(err)
	}
	if err := l.run.workspace.MakeAttempt(a.ID); err != nil {
		return sdk.RunRequest{}, err
	}
	request := sdk.RunRequest{
		Step: sdk.Step{AttemptID: a.ID, Action: l.spec.Action, Config: config, Environment: environment,
			Secrets: secrets, Workspace: l.run.attemptWorkspace(a)},
		CancelOnDisconnect: l.run.engine.options.CancelOnDisconnect,
	}
	if l.spec.Timeout > 0 {
		request.Deadline = a.StartedAt.Add(l.spec.Timeout.Std())
	}
	l.refresh(a, &request)
	return request, nil
}

// invalid is the error of a text that cannot be expanded: no retry mends it.
func invalid(err error) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: err.Error()}
}

// refresh tells a join how far the attempt got.
func (l *stepLife) refresh(a *core.Attempt, request *sdk.RunRequest) {
	offsets := l.run.logs.Offsets(l.node, a.Number)
	request.Offsets = sdk.Offsets{Stdout: offsets.Stdout, Stderr: offsets.Stderr}
	request.State = a.State
}

// watch follows the attempt through one connector process.
func (l *stepLife) watch(limited context.Context, a *core.Attempt, request sdk.RunRequest, events *sink) (sdk.Result, error) {
	var result sdk.Result
	ctx, abandon := context.WithCancelCause(l.run.ctx)
	defer abandon(nil)
	ctx, call := l.beginCall(ctx, events)
	err := l.run.engine.options.Connectors.Use(ctx, l.spec.Connector, func(client *sdk.Client, info sdk.Info) error {
		l.posts, events.info = info.Has(sdk.CapabilityPostExecute), info
		path, err := l.deployPath(info)
		if err != nil {
			return err
		}
		request.Step.Workspace.DeployPath = path
		if info.Has(sdk.CapabilityPreExecute) && !events.announced {
			began := now()
			err := client.PreExecute(ctx, sdk.PreExecuteRequest{Step: request.Step})
			l.recordOwn(ownHook(core.HookPreExecute, l.spec.Connector, a.Number, began, err, l.masks))
			if err != nil {
				return err
			}
		}
		events.announced = true
		running, err := client.RunStep(ctx, request)
		if err != nil {
			return err
		}
		unhook := context.AfterFunc(limited, func() {
			grace := l.grace()
			// If it cannot be sent, the process is gone, which Wait will say.
			_ = running.Cancel(grace)
			select {
			case <-time.After(grace + stopSlack):
				abandon(errUnresponsive)
			case <-ctx.Done():
			}
		})
		defer unhook()
		result, err = running.Wait(events)
		return err
	})
	call.end(err)
	return result, err
}

// grace is how long the step may take to end by itself.
func (l *stepLife) grace() time.Duration {
	if l.spec.Grace > 0 {
		return l.spec.Grace.Std()
	}
	return l.run.engine.options.Grace
}

// conclude writes a connector's result into the attempt.
func (l *stepLife) conclude(a *core.Attempt, limited context.Context, result sdk.Result) {
	a.ExitCode, a.Signal, a.Metadata = result.ExitCode, result.Signal, maps.Clone(result.Metadata)
	for name, value := range a.Metadata {
		a.Metadata[name] = l.masks.Text(value)
	}
	result.Message = l.masks.Text(result.Message)
	switch result.Outcome {
	case sdk.OutcomeSucceeded:
		l.end(a, core.StatusSuccess, nil)
	case sdk.OutcomeCancelled:
		l.endStopped(a, limited)
	default:
		l.end(a, core.StatusFailed, nil)
		a.Message = result.Message
	}
}

// endStopped ends an attempt for the reason it was stopped for.
func (l *stepLife) endStopped(a *core.Attempt, limited context.Context) {
	var reason *stopReason
	if !errors.As(context.Cause(limited), &reason) {
		reason = &stopReason{core.StatusCancelled, "cancelled by the connector"}
	}
	l.end(a, reason.status, nil)
	a.Message = reason.text
}

// end ends an attempt; err says why it failed if the connector broke.
func (l *stepLife) end(a *core.Attempt, status core.Status, err error) {
	at := now()
	a.Status, a.FinishedAt = status, &at
	if err == nil {
		return
	}
	message := err.Error()
	var detailed *sdk.Error
	if errors.As(err, &detailed) && detailed.Suggestion != "" {
		message += " (" + detailed.Suggestion + ")"
	}
	a.ErrorClass, a.Message = string(sdk.ClassOf(err)), l.masks.Text(message)
}
