package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"github.com/patchbay-ci/patchbay/sdk"
)

// helmManager is the name under which Helm owns what it applies.
const helmManager = "helm"

// render returns what the chart makes of its values, hooks left out, and the last
// revision of the release, or nil. Nothing is changed.
func (h *helmWork) render() (made, last *release.Release, err error) {
	found, err := h.helm.Releases.Last(h.name)
	if err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil, h.explainHelm(err)
	}
	if err == nil {
		last = found.(*release.Release)
	}
	rendered, err := h.dryRun(action.DryRunServer, last != nil)
	if err != nil {
		// Helm looks up each object, which fails for kinds that the chart itself defines.
		rendered, err = h.dryRun(action.DryRunClient, last != nil)
	}
	if err != nil {
		return nil, nil, &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/helm_chart", Err: err,
			Message: fmt.Sprintf("the chart %s cannot be rendered: %v", h.chart.Name(), err)}
	}
	return rendered, last, nil
}

// dryRun renders, always as an install: an upgrade of a release that somebody works on
// would be refused. Helm changes the configuration that it is given, so it gets one of
// its own, with what the cluster can do.
func (h *helmWork) dryRun(strategy action.DryRunStrategy, upgrade bool) (*release.Release, error) {
	configuration, _, err := h.helmConfiguration(nil)
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(configuration)
	install.ReleaseName, install.Namespace, install.DryRunStrategy = h.name, h.Namespace, strategy
	install.IncludeCRDs, install.IsUpgrade = true, upgrade
	version, err := h.discovery.ServerVersion()
	if err != nil {
		return nil, err
	}
	install.KubeVersion = &common.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor}
	if strategy == action.DryRunClient {
		if install.APIVersions, err = action.GetVersionSet(h.discovery); err != nil {
			return nil, err
		}
	}
	values := map[string]any{} // Helm adds to them
	maps.Copy(values, h.values)
	rendered, err := install.RunWithContext(context.Background(), h.chart, values)
	if err != nil {
		return nil, err
	}
	return rendered.(*release.Release), nil
}

// planHelm is the difference between what the chart makes and the cluster, and what
// the release would not have any more.
func planHelm(ctx context.Context, step sdk.Step, config HelmConfig) (sdk.Plan, error) {
	c, err := open(step, config.Access)
	if err != nil {
		return sdk.Plan{}, err
	}
	folder, err := os.MkdirTemp("", "patchbay-plan-")
	if err != nil {
		return sdk.Plan{}, fmt.Errorf("make a folder for the chart: %w", err)
	}
	defer os.RemoveAll(folder)
	step.Workspace.AttemptPath = folder
	h, err := c.helmFor(ctx, config, step, nil)
	if err != nil {
		return sdk.Plan{}, err
	}
	if config.Uninstall {
		return h.planUninstall(ctx)
	}
	made, last, err := h.render()
	if err != nil {
		return sdk.Plan{}, err
	}
	targets, err := h.targets(made.Manifest)
	if err != nil {
		return sdk.Plan{}, err
	}
	changes, err := c.diff(ctx, targets, applyOptions{manager: helmManager, force: true, createNamespace: config.CreateNamespace})
	if err != nil {
		return sdk.Plan{}, err
	}
	revision := 1
	if last != nil {
		revision = last.Version + 1
		dropped, err := h.removed(ctx, last.Manifest, targets)
		if err != nil {
			return sdk.Plan{}, err
		}
		changes = append(changes, dropped...)
	}
	for _, hook := range made.Hooks {
		changes = append(changes, sdk.PlannedChange{Action: changeRun, Target: fmt.Sprintf("hook %s (%v)", hook.Name, hook.Events)})
	}
	return sdk.Plan{Summary: fmt.Sprintf("helm: release %s, revision %d: %s", h.name, revision, summary(changes)), Changes: changes}, nil
}

// targets are the objects of a rendered manifest, with the marks that Helm gives them.
func (h *helmWork) targets(manifest string) ([]*target, error) {
	documents, err := parse([]byte(manifest), h.name)
	if err != nil {
		return nil, err
	}
	targets, err := resolve(h.client, documents)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		labels, annotations := t.object.GetLabels(), t.object.GetAnnotations()
		if labels == nil {
			labels = map[string]string{}
		}
		if annotations == nil {
			annotations = map[string]string{}
		}
		labels["app.kubernetes.io/managed-by"] = "Helm"
		annotations["meta.helm.sh/release-name"], annotations["meta.helm.sh/release-namespace"] = h.name, h.Namespace
		t.object.SetLabels(labels)
		t.object.SetAnnotations(annotations)
	}
	return targets, nil
}

// removed are the objects of an earlier manifest that are live and no targets any more.
func (h *helmWork) removed(ctx context.Context, manifest string, targets []*target) ([]sdk.PlannedChange, error) {
	before, err := h.targets(manifest)
	if err != nil {
		return nil, err
	}
	wanted := map[key]bool{}
	for _, t := range targets {
		wanted[t.key()] = true
	}
	live, err := h.live(ctx, before)
	if err != nil {
		return nil, err
	}
	var gone []sdk.PlannedChange
	for i, t := range before {
		if !wanted[t.key()] && live[i] != nil && !strings.EqualFold(live[i].GetAnnotations()["helm.sh/resource-policy"], "keep") {
			gone = append(gone, removal(live[i]))
		}
	}
	return gone, nil
}

func (h *helmWork) planUninstall(ctx context.Context) (sdk.Plan, error) {
	found, err := h.helm.Releases.Last(h.name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return sdk.Plan{Summary: fmt.Sprintf("nothing would change: there is no release %s", h.name)}, nil
	}
	if err != nil {
		return sdk.Plan{}, h.explainHelm(err)
	}
	gone, err := h.removed(ctx, found.(*release.Release).Manifest, nil)
	if err != nil {
		return sdk.Plan{}, err
	}
	return sdk.Plan{Summary: fmt.Sprintf("helm: release %s would be uninstalled: %s", h.name, summary(gone)), Changes: gone}, nil
}

// planHelmRollback is the difference to what an earlier revision had.
func (c *client) planHelmRollback(ctx context.Context, config RollbackConfig) (sdk.Plan, error) {
	h, err := c.helmFor(ctx, HelmConfig{Access: config.Access, Release: config.Release, Uninstall: true, Waiting: config.Waiting}, sdk.Step{}, nil)
	if err != nil {
		return sdk.Plan{}, err
	}
	found, err := h.helm.Releases.Last(h.name)
	if err != nil {
		return sdk.Plan{}, h.explainHelm(err)
	}
	last, to := found.(*release.Release), int(config.Revision)
	if to == 0 {
		if to, err = h.previous(last); err != nil {
			return sdk.Plan{}, err
		}
	}
	earlier, err := h.helm.Releases.Get(h.name, to)
	if err != nil {
		return sdk.Plan{}, h.explainHelm(err)
	}
	targets, err := h.targets(earlier.(*release.Release).Manifest)
	if err != nil {
		return sdk.Plan{}, err
	}
	changes, err := c.diff(ctx, targets, applyOptions{manager: helmManager, force: true})
	if err != nil {
		return sdk.Plan{}, err
	}
	dropped, err := h.removed(ctx, last.Manifest, targets)
	if err != nil {
		return sdk.Plan{}, err
	}
	changes = append(changes, dropped...)
	return sdk.Plan{Summary: fmt.Sprintf("rollback: release %s would go from revision %d to %d: %s", h.name, last.Version, to, summary(changes)), Changes: changes}, nil
}
