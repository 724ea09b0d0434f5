package main

import (
	"context"
	"errors"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker.
var version = "0.1.0"

// destroyAtOnce is how many containers are removed at the same time.
const destroyAtOnce = 8

// connector runs each attempt in a container of its own, which lives in the
// Engine and so outlives this process.
type connector struct {
	*sdk.Actions
	engine *engine
	pulls  *puller
	locks  *attemptLocks
	// flights are the builds and pushes that go on in this process.
	flights *flights
}

func newConnector() *connector {
	e := newEngine()
	c := &connector{engine: e, pulls: newPuller(e), locks: newAttemptLocks(), flights: newFlights()}
	c.Actions = sdk.NewActions(
		sdk.Info{Name: "docker", Version: version, Summary: "Run a command or a script in a container"},
		sdk.NewAction("run", "Run a command, a script or an image's own command in a container", c.run),
		buildAction(c), pushAction(c),
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
	b, err := c.begin(ctx, r, s)
	if err == nil && b.failed != nil {
		return *b.failed, nil
	}
	if err == nil {
		result, err := newWatch(c.engine, b.id, s).toTheEnd(ctx)
		if err != nil || result.Outcome == sdk.OutcomeCancelled {
			return result, err
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

// ValidateConfig implements sdk.ConfigValidator: what is wrong with a config, and
// warnings about keys that do nothing in this version.
func (c *connector) ValidateConfig(_ context.Context, r sdk.ValidateRequest) ([]sdk.Diagnostic, error) {
	problems, err := c.CheckConfig(r)
	if err != nil || len(problems) > 0 {
		return problems, err
	}
	return withoutEffect(r.Config), nil
}

// PostExecute implements sdk.PostExecutor: the result is stored, so the container
// is not needed any more. What a build made is: later steps may use it.
func (c *connector) PostExecute(ctx context.Context, r sdk.PostExecuteRequest) error {
	if err := c.engine.usable(); err != nil {
		return err
	}
	return c.engine.remove(ctx, containerName(r.Attempt.AttemptID))
}

// DestroyStep implements sdk.Destroyer: it kills and removes the attempts'
// containers and their anonymous volumes, and what their builds left. All are tried,
// whatever happens to one.
func (c *connector) DestroyStep(ctx context.Context, r sdk.DestroyRequest) error {
	if err := c.engine.usable(); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(destroyAtOnce)
	for _, attempt := range r.Attempts {
		group.Go(func() error { return c.engine.remove(ctx, containerName(attempt.AttemptID)) })
	}
	return errors.Join(group.Wait(), c.destroyBuilds(ctx, r.Attempts))
}
