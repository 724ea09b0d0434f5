package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/plugins/kubernetes/deploy"
	"github.com/patchbay-ci/patchbay/sdk"
)

// version is set by the linker.
var version = "0.1.0"

// destroyAtOnce is how many attempts are removed at the same time.
const destroyAtOnce = 8

// connector runs each attempt as a Job of its own, which lives in the cluster and so
// outlives this process.
type connector struct {
	*sdk.Actions
	sweeper  *sweeper
	deployer *deploy.Deployer
}

func newConnector() *connector {
	c := &connector{sweeper: newSweeper(), deployer: deploy.New()}
	c.Actions = sdk.NewActions(
		sdk.Info{Name: "kubernetes", Version: version, Summary: "Run steps as Jobs of a Kubernetes cluster, and deploy to it",
			Secrets: deploy.Secrets()},
		sdk.NewAction("run", "Run a command, a script or an image's own command as a Job", c.run),
		deployActions(c.deployer)...,
	)
	return c
}

// run creates the attempt's Job, or joins the one that is there, and follows it to its
// end. The Job stays: only when the host has stored the result does it call
// PostExecute.
func (c *connector) run(ctx context.Context, r sdk.Request[config], s *sdk.Session) (sdk.Result, error) {
	result, err := c.runJob(ctx, r, s)
	if _, cancelled := sdk.CancelGrace(ctx); cancelled && err != nil && sdk.ClassOf(err) != sdk.ClassExternalService {
		return sdk.Cancelled(), nil
	}
	return result, err
}

func (c *connector) runJob(ctx context.Context, r sdk.Request[config], s *sdk.Session) (sdk.Result, error) {
	at, err := newRun(r, s)
	if err != nil {
		return sdk.Result{}, err
	}
	at.owner = c.sweeper.owner()
	c.sweeper.once(at.client)
	if at.job, err = at.begin(ctx); err != nil {
		return sdk.Result{}, err
	}
	return at.toTheEnd(ctx)
}

// newRun gets ready for an attempt, without a word to the cluster.
func newRun(r sdk.Request[config], s *sdk.Session) (*run, error) {
	settings, err := readSettings()
	if err != nil {
		return nil, &sdk.Error{Class: sdk.ClassExternalService, Message: err.Error()}
	}
	state, err := readState(r.State)
	if err != nil {
		return nil, err
	}
	plan, err := planPod(r, settings)
	if err == nil {
		err = plan.checkSecrets()
	}
	if err != nil {
		return nil, err
	}
	found, err := cluster.Open(r.Config.Access, r.Step.Secrets)
	if err != nil {
		return nil, err
	}
	if err := keepKubeconfig(r.Step, r.Config.Access); err != nil {
		return nil, err
	}
	if plan.volumes == workspaceHost {
		if err := exchangeFolder(r.Step.Workspace.AttemptPath); err != nil {
			return nil, err
		}
	}
	client, err := newClient(found)
	return &run{client: client, request: r, session: s, plan: plan, settings: settings, state: state}, err
}

// exchangeFolder makes the attempt's folder for what a pod on this node tells. Its user
// may be any, so all may write there; but nobody else here gets as far as this folder.
func exchangeFolder(attemptPath string) error {
	folder := attemptPath + "/" + exchangeName
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make a folder for the step's outputs: %w", err)
	}
	return os.Chmod(folder, 0o777) // whatever the umask
}

// ValidateConfig implements sdk.ConfigValidator.
func (c *connector) ValidateConfig(_ context.Context, r sdk.ValidateRequest) ([]sdk.Diagnostic, error) {
	return c.CheckConfig(r)
}

// PostExecute implements sdk.PostExecutor: the result is stored, so the Job is not
// needed any more.
func (c *connector) PostExecute(ctx context.Context, r sdk.PostExecuteRequest) error {
	return c.destroy(ctx, r.Attempt)
}

// DestroyStep implements sdk.Destroyer. All attempts are tried, whatever happens to
// one.
func (c *connector) DestroyStep(ctx context.Context, r sdk.DestroyRequest) error {
	var group errgroup.Group
	group.SetLimit(destroyAtOnce)
	for _, attempt := range r.Attempts {
		group.Go(func() error {
			c.deployer.Stop(attempt.AttemptID)
			return c.destroy(ctx, attempt)
		})
	}
	return group.Wait()
}
