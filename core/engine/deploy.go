package engine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// Deployer takes releases live.
type Deployer interface {
	// Deploy says how the release of an attempt goes live and returns how that ended. It
	// is idempotent for the release's ID: called again it joins. When stop is done the
	// deployment is undone, which is waited for; when ctx is, it goes on unheard.
	Deploy(ctx, stop context.Context, r core.Release, say func(string)) (*core.Deployment, error)
	// Folder is where a connector keeps what its releases need.
	Folder(connector string) string
}

// errNoDeployer is what a step of an action that deploys gets where nobody would look after
// its service.
var errNoDeployer = &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "this step deploys a service, which only a server can look after once the run is over",
	Suggestion: "run the pipeline on a server: patchbay server, patchbay pipeline create, patchbay pipeline trigger"}

// deployPath makes the folder for releases of a connector that makes some, and refuses
// steps that deploy where nobody looks after services.
func (l *stepLife) deployPath(info sdk.Info) (string, error) {
	if !info.Has(sdk.CapabilityDeploy) {
		return "", nil
	}
	deployer := l.run.engine.options.Deployer
	if deployer == nil {
		if deploys(info, l.spec.Action) {
			return "", errNoDeployer
		}
		return "", nil
	}
	path := deployer.Folder(l.spec.Connector)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("make the folder for releases: %w", err)
	}
	return filepath.Clean(path), nil
}

// deploys reports whether an action makes releases.
func deploys(info sdk.Info, action string) bool {
	for i, a := range info.Actions {
		if a.Name == action || action == "" && i == 0 {
			return a.Deploys
		}
	}
	return false
}

// Release implements sdk.ReleaseEvents.
func (s *sink) Release(r sdk.Release) error {
	if s.life.run.engine.options.Deployer == nil {
		return errNoDeployer
	}
	if err := s.life.unmasked(r); err != nil {
		return err
	}
	s.release = &r
	s.received++
	return nil
}

// unmasked refuses a release that has the value of a secret in it: releases are stored.
func (l *stepLife) unmasked(r sdk.Release) error {
	shows := !bytes.Equal([]byte(l.masks.Text(string(r.Spec))), r.Spec) || l.masks.Text(r.Version) != r.Version
	for _, value := range r.Environment {
		shows = shows || l.masks.Text(value) != value
	}
	if shows {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "the release of service " + r.Service + " has the value of a secret in it, and releases are stored",
			Suggestion: "name the secret in the step's secrets: the service gets it at each start"}
	}
	for _, name := range r.Secrets {
		if _, ok := l.inputs.variables.Secrets[name]; !ok {
			return sdk.Errorf(sdk.ClassInvalidConfig, "the release of service %s wants the secret %s, which the step does not name", r.Service, name)
		}
	}
	return nil
}

// deploy takes the release of an attempt live that succeeded, and ends the attempt by how
// that went. It reports whether the engine detached.
func (l *stepLife) deploy(a *core.Attempt, limited context.Context, events *sink, result sdk.Result) (detached bool) {
	made := events.release
	if made == nil {
		l.end(a, core.StatusFailed, sdk.Errorf(sdk.ClassInternal, "the connector %s succeeded without a release to deploy", l.spec.Connector))
		return false
	}
	r := releaseOf(*made)
	r.ID, r.Connector, r.Action = a.ID, l.spec.Connector, actionName(events.info, l.spec.Action)
	r.DeployPath = l.run.engine.options.Deployer.Folder(l.spec.Connector)
	r.PipelineID, r.ExecutionID, r.Step = l.run.execution.PipelineID, l.run.execution.ID, l.step.Name
	d, err := l.run.engine.options.Deployer.Deploy(l.run.ctx, limited, r, func(line string) { l.say(a, "%s", l.masks.Text(line)) })
	switch {
	case l.run.ctx.Err() != nil:
		return true
	case err != nil:
		l.end(a, core.StatusFailed, err)
	case d.State == core.DeploymentLive || d.State == core.DeploymentSuperseded || d.State == core.DeploymentStopped:
		l.conclude(a, limited, result)
	case limited.Err() != nil:
		l.endStopped(a, limited)
		a.Message += "; " + l.masks.Text(d.Message)
	default:
		l.end(a, core.StatusFailed, nil)
		a.Message = l.masks.Text("the deployment failed: " + d.Message)
	}
	return false
}

func actionName(info sdk.Info, name string) string {
	if name == "" && len(info.Actions) > 0 {
		return info.Actions[0].Name
	}
	return name
}

// releaseOf is what is kept of a connector's release.
func releaseOf(r sdk.Release) core.Release {
	kept := core.Release{Service: r.Service, Version: r.Version, Spec: r.Spec, Keep: r.Keep, Handover: string(r.Handover),
		Environment: r.Environment, Secrets: r.Secrets, Grace: core.Duration(r.Grace),
		Health: core.HealthCheck{Interval: core.Duration(r.Health.Interval), Timeout: core.Duration(r.Health.Timeout),
			StartPeriod: core.Duration(r.Health.StartPeriod), Retries: r.Health.Retries}}
	for _, p := range r.Ports {
		kept.Ports = append(kept.Ports, core.ServicePort(p))
	}
	if h := r.Health.HTTP; h != nil {
		kept.Health.HTTP = &core.HTTPCheck{Port: h.Port, Path: h.Path, Status: h.Status, URL: h.URL}
	}
	if h := r.Health.TCP; h != nil {
		kept.Health.TCP = &core.TCPCheck{Port: h.Port}
	}
	if h := r.Health.Command; h != nil {
		kept.Health.Command = h.Argv
	}
	return kept
}
