package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"github.com/patchbay-ci/patchbay/sdk"
)

// explain says how a build ended that made no image. What the Dockerfile's
// instructions do is the step's failure; what keeps the Engine from trying them is an
// error.
func (b *builder) explain(a *account, err error) *ending {
	var failure *engineFailure
	var known *sdk.Error
	at := a.step
	if at == "" {
		at = "the build"
	}
	switch {
	case errors.As(err, &known):
		return failedEnding(err)
	case errors.As(err, &failure) && failure.code != 0:
		result := sdk.Exited(failure.code)
		result.Message = at + ": " + result.Message
		return &ending{Result: &result}
	case errors.As(err, &failure) && baseMissing(failure.message) && a.from != "":
		return failedEnding(b.explainBase(a.from, err))
	case errors.As(err, &failure), errdefs.IsInvalidArgument(err), errdefs.IsNotFound(err):
		return &ending{Result: &sdk.Result{Outcome: sdk.OutcomeFailed, Message: at + ": " + forBuildKit(engineText(err))}}
	case strings.Contains(err.Error(), "requires BuildKit"):
		return &ending{Result: &sdk.Result{Outcome: sdk.OutcomeFailed, Message: forBuildKit(engineText(err))}}
	}
	return failedEnding(b.engine.explain("build the image", err))
}

// baseMissing knows the words of a base image that cannot be had.
func baseMissing(text string) bool {
	text = strings.ToLower(text)
	for _, phrase := range []string{"pull access denied", "unauthorized", "authentication required", "no basic auth", "denied:",
		"no such host", "connection refused", "i/o timeout", "toomanyrequests", "manifest unknown", "manifest for", "tls:", "x509",
		"no matching manifest", "server misbehaving", "network is unreachable", "client.timeout"} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

func (b *builder) explainBase(image string, err error) error {
	problem := b.engine.explainPull(image, err)
	var known *sdk.Error
	if errors.As(problem, &known) && known.Class == sdk.ClassAuthentication {
		known.Suggestion = loginAdvice(image, b.logins.has(image))
	}
	return problem
}

// loginAdvice says what to do about a registry that wants another login, or one at all.
func loginAdvice(image string, given bool) string {
	host := imageHost(image)
	if given {
		return fmt.Sprintf("check the user name and the secret that registry_auth (or %s) has for %s, and what that user may do there", dockerConfigSecret, host)
	}
	return fmt.Sprintf("give the step a login for %s: registry_auth: {server: %s, username: …, password: NAME_OF_SECRET}, or a secret %s",
		host, host, dockerConfigSecret)
}

// forBuildKit adds to an error what a Dockerfile that needs another builder can do.
func forBuildKit(text string) string {
	if strings.Contains(text, "requires BuildKit") || strings.Contains(text, "Unknown flag: mount") || strings.Contains(text, "unknown instruction: EOF") {
		text += " (this connector uses the Engine's classic builder; leave out --mount and here-documents, or run docker buildx in a shell step)"
	}
	return text
}

// pullCaches fetches images whose layers may be used. Without one the build takes
// longer, no more.
func (b *builder) pullCaches(ctx context.Context, w *writing) {
	for _, name := range b.config.CacheFrom {
		if _, err := b.engine.api.ImageInspect(ctx, name); err == nil || ctx.Err() != nil {
			continue
		}
		w.progress("pulling "+name+" for its layers", -1)
		login, err := b.logins.forImage(name)
		if err == nil {
			err = b.engine.pullWith(ctx, name, login)
		}
		if err != nil && ctx.Err() == nil {
			fmt.Fprintf(w, "warning: cache_from: %v; it is built without\n", err)
		}
	}
}

// pullWith pulls an image with an encoded login.
func (e *engine) pullWith(ctx context.Context, name, login string) error {
	messages, err := e.api.ImagePull(ctx, name, image.PullOptions{RegistryAuth: login})
	if err != nil {
		return e.explainPull(name, err)
	}
	defer messages.Close()
	if err := newPullProgress(name).read(messages); err != nil {
		return e.explainPull(name, err)
	}
	return nil
}

// notDistroless are the files by which an image is known that is more than what it
// runs: shells and package managers.
var notDistroless = []string{"/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash", "/busybox/sh", "/usr/bin/apt-get",
	"/usr/bin/apt", "/sbin/apk", "/usr/bin/dnf", "/usr/bin/microdnf", "/usr/bin/yum", "/usr/bin/rpm"}

// checkDistroless looks into the image that was built. It is nil when the image is what
// distroless: true promises.
func (b *builder) checkDistroless(ctx context.Context, id string) *ending {
	creating, cancel := detached(ctx)
	defer cancel()
	name := containerName(b.step.AttemptID)
	made, err := b.engine.api.ContainerCreate(creating, &container.Config{Image: id, Entrypoint: []string{"-"},
		Labels: map[string]string{labelAttempt: b.step.AttemptID, labelConnector: "docker"}}, nil, nil, nil, name)
	if errdefs.IsConflict(err) { // of a try that broke off
		if err = b.engine.remove(creating, name); err == nil {
			return b.checkDistroless(ctx, id)
		}
	}
	if err != nil {
		return failedEnding(b.engine.explain("look into the image", err))
	}
	defer func() { _ = b.engine.remove(creating, made.ID) }()
	for _, path := range notDistroless {
		_, err := b.engine.api.ContainerStatPath(creating, made.ID, path)
		switch {
		case err == nil:
			result := sdk.Failed("the image is not distroless: it has %s; base its last stage on scratch or a distroless image, or leave out distroless", path)
			return &ending{Result: &result}
		case !errdefs.IsNotFound(err):
			return failedEnding(b.engine.explain("look into the image", err))
		}
	}
	return nil
}

// finish pushes, if asked to, and gives the outputs.
func (b *builder) finish(ctx context.Context, w *writing, id string) *ending {
	end := &ending{Result: &sdk.Result{Outcome: sdk.OutcomeSucceeded, Metadata: map[string]string{}}}
	end.set("image_id", id)
	if b.config.pushes() {
		return (&pusher{engine: b.engine, logins: b.logins}).finish(ctx, w, end, b.names)
	}
	end.set("image", firstOf(b.names))
	end.set("tags", strings.Join(b.names, ","))
	return end
}
