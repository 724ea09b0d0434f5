package deploy

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Deployer has the actions of this package.
type Deployer struct{ performer *performer }

// New makes a Deployer.
func New() *Deployer { return &Deployer{performer: newPerformer()} }

// Actions are those that a connector adds to its own.
func (d *Deployer) Actions() []sdk.Action {
	return []sdk.Action{
		sdk.NewAction("apply", "Apply manifests and wait until what they describe is up", d.apply,
			sdk.ImpliedBy(sdk.KeyPattern{Present: []string{"manifest"}, Absent: []string{"command", "script", "helm_chart"}}),
			sdk.WithOutput("applied", "How many objects were applied"),
			sdk.WithOutput("changed", "How many of them were made or changed")),
		sdk.NewAction("helm", "Install or upgrade a Helm chart and wait until it is up, or uninstall it", d.helmAction,
			sdk.ImpliedBy(sdk.KeyPattern{Present: []string{"helm_chart"}, Absent: []string{"command", "script"}}),
			sdk.WithOutput("release", "The name of the release"),
			sdk.WithOutput("revision", "Its revision"),
			sdk.WithOutput("notes", "What the chart says to its user")),
		sdk.NewAction("rollback", "Go back to an earlier revision of a workload or a Helm release", d.rollback,
			sdk.WithOutput("revision", "The revision gone back to")),
	}
}

// Stop ends the work of an attempt in this process. What it has made in the cluster
// stays.
func (d *Deployer) Stop(attemptID string) { d.performer.stop(attemptID) }

// Secrets are those that the actions can make use of.
func Secrets() []sdk.SecretInfo {
	return []sdk.SecretInfo{
		{Name: secretHelmUser, Help: "User name for a registry or repository of charts"},
		{Name: secretHelmPassword, Help: "Password or token for a registry or repository of charts"},
	}
}

// Identity says as whom a cluster knows the credentials; empty when it is too old to
// say (before Kubernetes 1.28). The error is an *sdk.Error.
func Identity(ctx context.Context, at *cluster.Cluster) (string, error) {
	c, err := connect(at)
	if err != nil {
		return "", err
	}
	who, err := c.identity(ctx)
	if err != nil && !apierrors.IsNotFound(err) {
		return "", asError(c.explain("ask as whom the cluster knows this connection", err))
	}
	return who, nil
}

// open connects to the cluster that a step means.
func open(step sdk.Step, access cluster.Access) (*client, error) {
	at, err := cluster.Open(access, step.Secrets)
	if err != nil {
		return nil, err
	}
	return connect(at)
}
