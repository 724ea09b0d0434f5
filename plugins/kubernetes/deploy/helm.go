package deploy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	ri "helm.sh/helm/v4/pkg/release"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxHistory is how many revisions of a release are kept, as Helm's own command does.
const maxHistory = 10

// helmWork is one step's dealings with a release.
type helmWork struct {
	*client
	config  HelmConfig
	step    sdk.Step
	out     *journal
	helm    *action.Configuration
	watched *watchedClient
	name    string
	chart   *chart.Chart
	values  map[string]any
}

// helmAction is the action.
func (d *Deployer) helmAction(ctx context.Context, r sdk.Request[HelmConfig], s *sdk.Session) (sdk.Result, error) {
	return d.performer.perform(ctx, r.RunRequest, s, func(ctx context.Context, out *journal) (sdk.Result, error) {
		c, err := open(r.Step, r.Config.Access)
		if err != nil {
			return sdk.Result{}, err
		}
		h, err := c.helmFor(ctx, r.Config, r.Step, out)
		if err != nil {
			return sdk.Result{}, err
		}
		result, err := h.run(ctx)
		if err != nil && ctx.Err() != nil {
			return stopped(ctx)
		}
		if err != nil {
			return failed(out, err)
		}
		return result, nil
	})
}

// helmFor makes ready for a release; ctx is the one that a wait obeys.
func (c *client) helmFor(ctx context.Context, config HelmConfig, step sdk.Step, out *journal) (*helmWork, error) {
	h := &helmWork{client: c, config: config, step: step, out: out, name: config.Release}
	var err error
	h.helm, h.watched, err = c.helmConfiguration(h.waitUnder(ctx))
	if err != nil {
		return nil, err
	}
	if config.Uninstall {
		return h, nil
	}
	if h.chart, err = loadChart(config, step, step.Workspace.AttemptPath); err != nil {
		return nil, err
	}
	h.name = config.nameOfRelease(h.chart)
	h.values, err = config.values(step.Workspace.Path)
	return h, err
}

// waitUnder waits until the time that Helm gives is up or ctx ends, whichever is first.
func (h *helmWork) waitUnder(ctx context.Context) func(context.Context, []*target) error {
	return func(timed context.Context, targets []*target) error {
		timed, cancel := context.WithCancelCause(timed)
		defer cancel(nil)
		defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
		return h.rollout(h.out, h.config.Waiting).wait(timed, targets)
	}
}

func (h *helmWork) strategy() kube.WaitStrategy {
	if h.config.waits() {
		return kube.StatusWatcherStrategy
	}
	return kube.HookOnlyStrategy
}

func (h *helmWork) run(ctx context.Context) (sdk.Result, error) {
	if h.config.Uninstall {
		return h.uninstall(ctx)
	}
	if h.config.CreateNamespace {
		if err := h.makeNamespace(ctx, h.Namespace, h.out); err != nil {
			return sdk.Result{}, err
		}
	}
	last, done, err := h.settle(ctx)
	if err != nil {
		return sdk.Result{}, err
	}
	if done {
		h.out.say("release %s: revision %d was made before the interruption", h.name, last.Version)
		return h.succeeded(last), nil
	}
	note := helmNote{Release: h.name, Revision: 1}
	if last != nil {
		note.Revision = last.Version + 1
	}
	if err := note.keep(h.out); err != nil {
		return sdk.Result{}, err
	}
	h.out.say("release %s: %s %s, revision %d", h.name, h.chart.Name(), h.chart.Metadata.Version, note.Revision)
	made, err := h.make(ctx, last)
	if err != nil {
		return sdk.Result{}, h.giveUp(ctx, last, err)
	}
	return h.succeeded(made), nil
}

// make installs or upgrades. Helm gets no context that ends: it would leave its own
// goroutine behind. The step's ends the waits, and that is where the time goes.
func (h *helmWork) make(ctx context.Context, last *release.Release) (*release.Release, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	options := []kube.WaitOption{kube.WithWaitContext(ctx)}
	var made ri.Releaser
	var err error
	if last == nil {
		install := action.NewInstall(h.helm)
		install.ReleaseName, install.Namespace = h.name, h.Namespace
		install.WaitStrategy, install.WaitOptions, install.WaitForJobs = h.strategy(), options, h.config.waits()
		install.Timeout, install.ForceConflicts = h.config.timeout(), h.config.Force
		made, err = install.RunWithContext(context.WithoutCancel(ctx), h.chart, h.values)
	} else {
		upgrade := action.NewUpgrade(h.helm)
		upgrade.Namespace, upgrade.MaxHistory, upgrade.ResetValues = h.Namespace, maxHistory, true
		upgrade.WaitStrategy, upgrade.WaitOptions, upgrade.WaitForJobs = h.strategy(), options, h.config.waits()
		upgrade.Timeout, upgrade.ForceConflicts = h.config.timeout(), h.config.Force
		made, err = upgrade.RunWithContext(context.WithoutCancel(ctx), h.name, h.chart, h.values)
	}
	if err != nil {
		return nil, h.explainHelm(err)
	}
	return made.(*release.Release), nil
}

// explainHelm says what Helm failed by; its own words wrap those of the wait.
func (h *helmWork) explainHelm(err error) error {
	if h.watched.why != nil {
		return h.watched.why
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return h.explain("release "+h.name, err)
	}
	return &refused{message: fmt.Sprintf("release %s: %v", h.name, err)}
}

// succeeded says what there is now.
func (h *helmWork) succeeded(made *release.Release) sdk.Result {
	if notes := strings.TrimSpace(made.Info.Notes); notes != "" {
		h.out.say("%s", notes)
		if len(notes) <= sdk.MaxValue {
			h.out.setOutput("notes", notes)
		}
	}
	h.out.setOutput("release", h.name)
	h.out.setOutput("revision", strconv.Itoa(made.Version))
	result := sdk.Succeeded()
	result.Message = fmt.Sprintf("release %s is at revision %d", h.name, made.Version)
	return result
}

// giveUp undoes what has failed when the step is atomic, and returns the cause.
func (h *helmWork) giveUp(ctx context.Context, last *release.Release, cause error) error {
	if !h.config.Atomic || errors.Is(context.Cause(ctx), errDestroyed) {
		return cause
	}
	undoing := context.WithoutCancel(ctx)
	h.watched.wait, h.watched.why = h.waitUnder(undoing), nil
	verdict := "everything is back as it was"
	if err := h.undo(last); err != nil {
		h.out.say("error: it could not be undone: %v", err)
		verdict = "it could not be undone"
	}
	var no *refused
	if errors.As(cause, &no) {
		no.message += "; " + verdict
	}
	return cause
}

// undo goes back to the revision that was there before, or removes a first one.
func (h *helmWork) undo(last *release.Release) error {
	good := 0
	if last != nil {
		deployed, err := h.helm.Releases.Deployed(h.name)
		if err != nil && !errors.Is(err, driver.ErrNoDeployedReleases) {
			return err
		}
		if err == nil {
			good = deployed.(*release.Release).Version
		}
	}
	if good == 0 {
		h.out.say("removing the release %s, which has no earlier revision that was good", h.name)
		return h.remove(time.Minute)
	}
	h.out.say("rolling the release %s back to revision %d", h.name, good)
	return h.rollTo(good)
}

func (h *helmWork) rollTo(revision int) error {
	back := action.NewRollback(h.helm)
	back.Version, back.WaitStrategy, back.WaitForJobs, back.MaxHistory = revision, h.strategy(), h.config.waits(), maxHistory
	back.Timeout, back.ForceConflicts = h.config.timeout(), true
	return back.Run(h.name)
}

// uninstall removes the release. One that is not there is as it should be.
func (h *helmWork) uninstall(ctx context.Context) (sdk.Result, error) {
	if err := context.Cause(ctx); err != nil {
		return sdk.Result{}, err
	}
	if _, err := h.helm.Releases.Last(h.name); errors.Is(err, driver.ErrReleaseNotFound) {
		h.out.say("there is no release %s in namespace %s", h.name, h.Namespace)
		return sdk.Succeeded(), nil
	}
	if err := h.remove(h.config.timeout(), kube.WithWaitContext(ctx)); err != nil {
		return sdk.Result{}, h.explainHelm(err)
	}
	h.out.say("release %s uninstalled", h.name)
	return sdk.Succeeded(), nil
}

func (h *helmWork) remove(timeout time.Duration, options ...kube.WaitOption) error {
	remove := action.NewUninstall(h.helm)
	remove.IgnoreNotFound, remove.Timeout, remove.WaitStrategy, remove.WaitOptions = true, timeout, h.strategy(), options
	_, err := remove.Run(h.name)
	return err
}
