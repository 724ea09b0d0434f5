package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"github.com/patchbay-ci/patchbay/sdk"
)

const deployActionName = "deploy"

// releaseRepository is where images of releases have a name of this connector's, with the
// release's ID as the tag: so they stay for as long as somebody may go back to them, whatever
// becomes of the name that they were deployed by.
const releaseRepository = "patchbay-release"

// deploySpec is what a release's instances need to know; the host keeps it.
type deploySpec struct {
	Image            string        `json:"image"` // ID
	Entrypoint       []string      `json:"entrypoint,omitempty"`
	Command          []string      `json:"command,omitempty"`
	WorkingDirectory string        `json:"working_directory,omitempty"`
	User             string        `json:"user,omitempty"`
	Platform         string        `json:"platform,omitempty"`
	Ports            []servicePort `json:"ports,omitempty"`

	limits
	isolation
	networking
	storage
}

// deployAction is what a step means that has ports and nothing to run.
func deployAction(c *connector) sdk.Action {
	return sdk.NewAction(deployActionName, "Deploy an image as a service", c.deploy, sdk.Deploys(),
		sdk.WithOutput("image_id", "The ID of the image that is deployed"),
		sdk.ImpliedBy(sdk.KeyPattern{Present: []string{"ports"}, Absent: []string{"command", "script"}}))
}

// policyOf is what the operator has a say in.
func policyOf(l limits, i isolation, n networking, s storage) *config {
	return &config{limits: l, isolation: i, networking: n, storage: s}
}

func (c *connector) validateDeploy(raw json.RawMessage) []sdk.Diagnostic {
	var asked deployConfig
	if json.Unmarshal(raw, &asked) != nil {
		return nil // CheckConfig has said all
	}
	err := c.policy.allows(policyOf(asked.limits, asked.isolation, asked.networking, asked.storage))
	if err == nil {
		return nil
	}
	problem := sdk.Diagnostic{Severity: sdk.SeverityError, Message: err.Error()}
	if e := (*sdk.Error)(nil); errors.As(err, &e) {
		problem.Pointer, problem.Suggestion = e.Pointer, e.Suggestion
	}
	return []sdk.Diagnostic{problem}
}

// deploy has the image there and named, and hands the release over. What an earlier try has
// named is what is deployed.
func (c *connector) deploy(ctx context.Context, r sdk.Request[deployConfig], s *sdk.Session) (sdk.Result, error) {
	asked := &r.Config
	if err := c.engine.usable(); err != nil {
		return sdk.Result{}, err
	}
	if err := c.policy.allows(policyOf(asked.limits, asked.isolation, asked.networking, asked.storage)); err != nil {
		return sdk.Result{}, err
	}
	for i, name := range asked.ServiceSecrets {
		if _, given := r.Step.Secrets[name]; !given {
			return sdk.Result{}, invalid(fmt.Sprintf("/service_secrets/%d", i), "add it to the step's secrets", "the step does not name the secret %s", name)
		}
	}
	if asked.builds() {
		if result, err := c.buildFirst(ctx, r, s); err != nil || result.Outcome != sdk.OutcomeSucceeded {
			return result, err
		}
	}
	id, err := c.releaseImage(ctx, r, s)
	if err != nil {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		return sdk.Result{}, err
	}
	release, err := asked.toRelease(id)
	if err != nil {
		return sdk.Result{}, err
	}
	if !asked.builds() { // a build has its own output
		if _, err := fmt.Fprintf(s.Stdout(), "release of %s: %s (%s)\n", release.Service, asked.Image, id); err != nil {
			return sdk.Result{}, err
		}
	}
	if err := s.SetOutput("image_id", id); err != nil {
		return sdk.Result{}, err
	}
	return sdk.Succeeded(), s.Release(release)
}

func (c *deployConfig) toRelease(image string) (sdk.Release, error) {
	spec := deploySpec{Image: image, Entrypoint: c.Entrypoint, WorkingDirectory: c.WorkingDirectory, User: c.User, Platform: c.Platform, Ports: c.ports(),
		limits: c.limits, isolation: c.isolation, networking: c.networking, storage: c.storage}
	switch {
	case len(c.Command.list) > 0:
		spec.Command = c.Command.list
	case c.Command.given() && len(c.Entrypoint) == 0:
		spec.Entrypoint = []string{"sh", "-c", c.Command.text}
	case c.Command.given():
		spec.Command = []string{"sh", "-c", c.Command.text}
	}
	release := c.release()
	var err error
	release.Spec, err = json.Marshal(spec)
	return release, err
}

// buildFirst builds the image, and names it as the release's.
func (c *connector) buildFirst(ctx context.Context, r sdk.Request[deployConfig], s *sdk.Session) (sdk.Result, error) {
	asked := buildConfig{Image: r.Config.Image, Dockerfile: r.Config.Dockerfile, BuildContext: r.Config.BuildContext, Args: r.Config.Args,
		Target: r.Config.Target, Platform: r.Config.Platform, RegistryAuth: r.Config.RegistryAuth}
	names, err := imageNames(asked.Image, nil, "")
	if err != nil {
		return sdk.Result{}, err
	}
	login, err := newLogins(asked.RegistryAuth, firstOf(names), r.Step.Secrets)
	if err != nil {
		return sdk.Result{}, err
	}
	b := &builder{engine: c.engine, step: r.Step, config: asked, names: names, logins: login}
	result, err := c.inFlight(ctx, r.RunRequest, s, b.work)
	if err != nil || result.Outcome != sdk.OutcomeSucceeded {
		return result, err
	}
	found, err := c.findReleaseImage(ctx, r.Step.AttemptID)
	if err != nil || found != "" {
		return result, err
	}
	return result, c.nameRelease(ctx, result.Metadata["image_id"], r.Step.AttemptID)
}

// releaseImage returns the ID of the image, which has the release's name from then on.
func (c *connector) releaseImage(ctx context.Context, r sdk.Request[deployConfig], s *sdk.Session) (string, error) {
	if found, err := c.findReleaseImage(ctx, r.Step.AttemptID); err != nil || found != "" {
		return found, err
	}
	ref := r.Config.Image
	login, err := newLogins(r.Config.RegistryAuth, ref, r.Step.Secrets)
	if err != nil {
		return "", err
	}
	auth, err := login.forImage(ref)
	if err != nil {
		return "", err
	}
	id, err := c.imageID(ctx, ref)
	if err != nil {
		return "", err
	}
	switch {
	case id == "" && r.Config.Pull == pullNever:
		return "", noSuchImage(ref, pullNever, nil)
	case id == "" || r.Config.Pull == pullAlways:
		if err := c.pulls.pull(ctx, wantedImage{ref: ref, platform: r.Config.Platform, auth: auth}, s.Progress); err != nil {
			return "", err
		}
		if id, err = c.imageID(ctx, ref); err != nil {
			return "", err
		}
		if id == "" {
			return "", noSuchImage(ref, r.Config.Pull, nil)
		}
	}
	return id, c.nameRelease(ctx, id, r.Step.AttemptID)
}

// releaseName is the name of a release's image.
func releaseName(releaseID string) string {
	return releaseRepository + ":" + containerName(releaseID)
}

func (c *connector) findReleaseImage(ctx context.Context, releaseID string) (string, error) {
	return c.imageID(ctx, releaseName(releaseID))
}

// imageID returns an empty one when there is no such image.
func (c *connector) imageID(ctx context.Context, ref string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	found, err := c.engine.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	return found.ID, c.engine.explain("look for the image "+ref, err)
}

func (c *connector) nameRelease(ctx context.Context, id, releaseID string) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	return c.engine.explain("name the image of the release", c.engine.api.ImageTag(ctx, id, releaseName(releaseID)))
}

// RemoveRelease implements sdk.Deployer: its containers and the name of its image go, and
// the image with its last name.
func (c *connector) RemoveRelease(ctx context.Context, r sdk.RemoveReleaseRequest) error {
	if err := c.engine.usable(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	found, err := c.engine.list(ctx, labelRelease+"="+r.ReleaseID)
	if err != nil {
		return err
	}
	for _, container := range found {
		if err := c.engine.remove(ctx, container.ID); err != nil {
			return err
		}
	}
	_, err = c.engine.api.ImageRemove(ctx, releaseName(r.ReleaseID), image.RemoveOptions{PruneChildren: true})
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return c.engine.explain("remove the image of a release", err)
}
