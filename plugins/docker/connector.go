package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker.
var version = "0.1.0"

// runAction is what steps do that say nothing else.
const runAction = "run"

// connector runs each attempt in a container of its own, which lives in the
// Engine and so outlives this process.
type connector struct {
	*sdk.Actions
	engine *engine
	pulls  *puller
	locks  *attemptLocks
	policy *policy
	owner  owner
	sweeps sweeper

	prepared preparedContainers
	host     hostKind
	// flights are the builds and pushes that go on in this process.
	flights *flights
}

func newConnector() *connector {
	e := newEngine()
	c := &connector{engine: e, pulls: newPuller(e), locks: newAttemptLocks(), policy: operatorPolicy(), owner: thisOwner(), flights: newFlights(), host: newHostKind()}
	c.Actions = sdk.NewActions(
		sdk.Info{Name: "docker", Version: version, Summary: "Run a command or a script in a container"},
		sdk.Prepared(sdk.NewAction(runAction, "Run a command, a script or an image's own command in a container", c.run), c.prepare),
		buildAction(c), pushAction(c), deployAction(c),
	)
	return c
}

// run creates the attempt's container, or joins the one that is there, and
// follows it to its end. The container stays: only when the host has stored the
// result does it call PostExecute.
func (c *connector) run(ctx context.Context, r sdk.Request[config], s *sdk.Session) (sdk.Result, error) {
	if err := c.engine.usable(); err != nil {
		return sdk.Result{}, err
	}
	c.host.learn(r.CancelOnDisconnect)
	b, err := c.begin(ctx, r, s)
	go c.sweepOnce(context.WithoutCancel(ctx))
	if err == nil && b.failed != nil {
		return *b.failed, nil
	}
	if err == nil {
		used := c.engine.measure(ctx, b)
		result, err := newWatch(c.engine, b.id, s).toTheEnd(ctx)
		used.addTo(&result)
		if err != nil || result.Outcome == sdk.OutcomeCancelled {
			return result, err
		}
		if result.Outcome == sdk.OutcomeFailed {
			err = c.tellOfServices(ctx, r, s)
		}
		if err != nil {
			return sdk.Result{}, err
		}
		return s.FinishWithOutputs(result, filepath.Join(r.Step.Workspace.AttemptPath, exchangeName))
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	return sdk.Result{}, err
}

// ended is the answer of a step that was stopped or let go of before its
// container was started.
func ended(ctx context.Context) (sdk.Result, error) {
	if _, cancelled := sdk.CancelGrace(ctx); cancelled {
		return sdk.Cancelled(), nil
	}
	return sdk.Result{}, context.Cause(ctx)
}

// ValidateConfig implements sdk.ConfigValidator: what is wrong with a config, what
// the operator does not allow, and warnings about keys that do nothing.
func (c *connector) ValidateConfig(_ context.Context, r sdk.ValidateRequest) ([]sdk.Diagnostic, error) {
	problems, err := c.CheckConfig(r)
	if err != nil || len(problems) > 0 {
		return problems, err
	}
	if r.Action == deployActionName {
		return c.validateDeploy(r.Config), nil
	}
	var asked config
	if r.Action != "" && r.Action != runAction || json.Unmarshal(r.Config, &asked) != nil {
		return nil, nil // CheckConfig has said all
	}
	if err := c.policy.allows(&asked); err != nil {
		problem := sdk.Diagnostic{Severity: sdk.SeverityError, Message: err.Error()}
		if e := (*sdk.Error)(nil); errors.As(err, &e) {
			problem.Pointer, problem.Suggestion = e.Pointer, e.Suggestion
		}
		return []sdk.Diagnostic{problem}, nil
	}
	return append(withoutEffect(r.Config), asked.portsOfServices()...), nil
}
