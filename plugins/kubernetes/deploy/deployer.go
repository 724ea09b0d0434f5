package deploy

import (
	"context"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Deployer has the actions of this package.
type Deployer struct {
	access    func(context.Context, sdk.Step, Place) (Access, error)
	performer *performer
}

// New makes a Deployer. access says how to get at the cluster that a step names; its
// errors are the step's.
func New(access func(context.Context, sdk.Step, Place) (Access, error)) *Deployer {
	return &Deployer{access: access, performer: newPerformer()}
}

// Actions are those that a connector adds to its own.
func (d *Deployer) Actions() []sdk.Action {
	return []sdk.Action{
		sdk.NewAction("apply", "Apply manifests and wait until what they describe is up", d.apply,
			sdk.ImpliedBy(sdk.KeyPattern{Present: []string{"manifest"}, Absent: []string{"command", "script", "helm_chart"}}),
			sdk.WithOutput("applied", "How many objects were applied"),
			sdk.WithOutput("changed", "How many of them were made or changed")),
	}
}

// Stop ends the work of an attempt in this process. What it has made in the cluster
// stays.
func (d *Deployer) Stop(attemptID string) { d.performer.stop(attemptID) }

// connect returns a connection to the cluster that the step names.
func (d *Deployer) connect(ctx context.Context, step sdk.Step, place Place) (*cluster, error) {
	access, err := d.access(ctx, step, place)
	if err != nil {
		return nil, err
	}
	return connect(access)
}
