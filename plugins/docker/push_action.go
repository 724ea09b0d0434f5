package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"

	"github.com/patchbay-ci/patchbay/sdk"
)

// pushConfig is what a step that pushes an image may say.
type pushConfig struct {
	Image        string        `json:"image" jsonschema:"required,minLength=1" jsonschema_description:"An image that the Engine has: its name, or its ID such as an earlier step gave it as output image_id"`
	Tags         words         `json:"tags,omitempty" jsonschema_description:"Tags of image to push it by (latest, 1.0), or whole names; without them: image"`
	Registry     string        `json:"registry,omitempty" jsonschema_description:"The registry of all names that have none: its host, port if any, and perhaps a path"`
	RegistryAuth registryAuths `json:"registry_auth,omitempty"`
}

var imageID = regexp.MustCompile(`^(sha256:)?[0-9a-f]{12,64}$`)

// names are those by which the image is pushed.
func (c *pushConfig) names() ([]string, error) {
	if imageID.MatchString(c.Image) {
		return imageNames("", c.Tags, c.Registry)
	}
	image := c.Image
	if len(c.Tags) > 0 { // then image says what to push, and not as what
		image, _ = cutTag(image)
	}
	return imageNames(image, c.Tags, c.Registry)
}

// CheckConfig refuses what cannot be pushed.
func (c *pushConfig) CheckConfig() error {
	names, err := c.names()
	if err == nil && len(names) == 0 {
		err = invalid("/tags", "add tags: with the names to push it by", "an image that is named by its ID alone cannot be pushed")
	}
	return err
}

func pushAction(c *connector) sdk.Action {
	return sdk.NewAction("push", "Push an image that the Engine has to a registry", c.push,
		sdk.WithOutput("image", "The first name that was pushed"),
		sdk.WithOutput("tags", "All names that were pushed, divided by commas"),
		sdk.WithOutput("digest", "The digest that the registry gave the image"),
		sdk.WithOutput("reference", "The image by its digest: for steps that must get this very image"))
}

// push pushes an image. Like a build, the work goes on in this process (see flights).
func (c *connector) push(ctx context.Context, r sdk.Request[pushConfig], s *sdk.Session) (sdk.Result, error) {
	names, err := r.Config.names()
	if err != nil {
		return sdk.Result{}, err
	}
	login, err := newLogins(r.Config.RegistryAuth, firstOf(names), r.Step.Secrets)
	if err != nil {
		return sdk.Result{}, err
	}
	p := &pusher{engine: c.engine, logins: login}
	return c.inFlight(ctx, r.RunRequest, s, func(ctx context.Context, w *writing, _ bool) *ending {
		end := p.tagAndPush(ctx, w, r.Config.Image, names)
		if ctx.Err() != nil {
			return nil
		}
		return end
	})
}

// tagAndPush gives an image the names, and pushes them.
func (p *pusher) tagAndPush(ctx context.Context, w *writing, source string, names []string) *ending {
	found, err := p.find(ctx, source, names[0])
	if err != nil {
		return failedEnding(err)
	}
	for _, name := range names {
		if err := p.engine.api.ImageTag(ctx, found, name); err != nil {
			return failedEnding(p.engine.explain("name the image "+name, err))
		}
	}
	end := &ending{Result: &sdk.Result{Outcome: sdk.OutcomeSucceeded, Metadata: map[string]string{"image_id": found}}}
	return p.finish(ctx, w, end, names)
}

// find returns the ID of an image by its name, or by the name that it has with the
// registry.
func (p *pusher) find(ctx context.Context, names ...string) (string, error) {
	for _, name := range names {
		found, err := p.engine.api.ImageInspect(ctx, name)
		if err == nil {
			return found.ID, nil
		}
		if !errdefs.IsNotFound(err) {
			return "", p.engine.explain("look for the image", err)
		}
	}
	name := names[0]
	if named, err := reference.ParseNormalizedNamed(name); err == nil {
		name = reference.FamiliarString(reference.TagNameOnly(named))
	}
	return "", &sdk.Error{Class: sdk.ClassNotFound, Pointer: "/image", Message: "there is no image " + name + " in the Docker Engine",
		Suggestion: "build it in an earlier step, on the same Engine"}
}

// finish pushes all names, and adds what the registry says to the outputs.
func (p *pusher) finish(ctx context.Context, w *writing, end *ending, names []string) *ending {
	digest, err := p.pushAll(ctx, w, names)
	if err != nil {
		return failedEnding(err)
	}
	end.set("image", names[0])
	end.set("tags", strings.Join(names, ","))
	end.set("digest", digest)
	end.set("reference", pinned(names[0], digest))
	return end
}
