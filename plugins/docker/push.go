package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	engineregistry "github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/client"

	"github.com/patchbay-ci/patchbay/sdk"
)

// How often a push is tried when what went wrong may pass, and how long to wait in
// between, the first time; then twice as long each.
const (
	pushTries = 4
	pushPause = 500 * time.Millisecond
)

// pusher pushes what was built.
type pusher struct {
	engine *engine
	logins *logins
}

// pushAll pushes an image by all its names, and returns its digest in the registry of
// the first: layers that a name's push brought there, the next one does not send again.
func (p *pusher) pushAll(ctx context.Context, w *writing, names []string) (digest string, err error) {
	for _, name := range names {
		found, err := p.push(ctx, w, name)
		if err != nil {
			return "", err
		}
		if digest == "" {
			digest = found
		}
	}
	return digest, nil
}

// push pushes one name, again when a try failed for something that may pass.
func (p *pusher) push(ctx context.Context, w *writing, name string) (digest string, err error) {
	for try, pause := 1, pushPause; ; try, pause = try+1, 2*pause {
		if digest, err = p.once(ctx, w, name); err == nil {
			return digest, nil
		}
		problem := p.explain(name, err)
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if sdk.ClassOf(problem) != sdk.ClassExternalService || try == pushTries {
			return "", problem
		}
		fmt.Fprintf(w, "push of %s, try %d of %d: %v; trying again in %s\n", name, try, pushTries, problem, pause)
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

func (p *pusher) once(ctx context.Context, w *writing, name string) (digest string, err error) {
	login, err := p.logins.forImage(name)
	if err != nil {
		return "", err
	}
	if login == "" { // the Engine wants one in any case
		if login, err = engineregistry.EncodeAuthConfig(engineregistry.AuthConfig{}); err != nil {
			return "", err
		}
	}
	messages, err := p.engine.api.ImagePush(ctx, name, image.PushOptions{RegistryAuth: login})
	if err != nil {
		return "", err
	}
	defer messages.Close()
	return readPush(messages, w)
}

// readPush follows the Engine's account of a push and returns the digest that the
// registry gave.
func readPush(messages io.Reader, w *writing) (digest string, err error) {
	decoder := json.NewDecoder(messages)
	var told time.Time
	for {
		var message engineMessage
		err := decoder.Decode(&message)
		switch {
		case errors.Is(err, io.EOF) && digest == "":
			return "", fmt.Errorf("the Docker Engine broke off: %w", io.ErrUnexpectedEOF)
		case errors.Is(err, io.EOF):
			return digest, nil
		case err != nil:
			return "", fmt.Errorf("read the account of the push: %w", err)
		case message.Error != "":
			return "", &engineFailure{message: message.Error}
		}
		if len(message.Aux) > 0 {
			var pushed struct{ Digest string }
			if json.Unmarshal(message.Aux, &pushed) == nil && pushed.Digest != "" {
				digest = pushed.Digest
			}
			continue
		}
		if err := sayStatus(w, &message, &told); err != nil {
			return "", err
		}
	}
}

// explain says why an image cannot be pushed. The Engine hands on registries' errors as
// text only.
func (p *pusher) explain(name string, err error) error {
	host := imageHost(name)
	text := strings.ToLower(err.Error())
	says := func(phrases ...string) bool {
		for _, phrase := range phrases {
			if strings.Contains(text, phrase) {
				return true
			}
		}
		return false
	}
	problem := &sdk.Error{Class: sdk.ClassExternalService, Err: err,
		Message:    fmt.Sprintf("%s cannot be pushed to %s: %s", name, host, engineText(err)),
		Suggestion: "is that the right registry, and can the Docker Engine reach it?"}
	switch {
	case client.IsErrConnectionFailed(err):
		return p.engine.unreachable(err)
	case says("unauthorized", "authentication required", "no basic auth", "denied", "forbidden", "insufficient_scope"),
		errdefs.IsUnauthorized(err), errdefs.IsPermissionDenied(err):
		problem.Class, problem.Suggestion = sdk.ClassAuthentication, loginAdvice(name, p.logins.has(name))
	case says("server gave http response to https client"):
		problem.Class = sdk.ClassInvalidConfig
		problem.Suggestion = "the registry speaks plain HTTP, which the Engine allows for its own machine only, or for insecure-registries of its daemon.json"
	case says("an image does not exist locally", "tag does not exist"), errdefs.IsNotFound(err):
		problem.Class, problem.Suggestion = sdk.ClassNotFound, "somebody removed the image just after it was built, or its name; run the step again"
	case says("name unknown", "repository name not known", "repository does not exist"):
		problem.Class, problem.Suggestion = sdk.ClassNotFound, "make the repository in the registry first, if it does not do so by itself"
	case says("invalid repository name", "name invalid", "unsupported"), errdefs.IsInvalidArgument(err):
		problem.Class, problem.Suggestion = sdk.ClassInvalidConfig, "check the name against what the registry allows"
	}
	return problem
}

// pinned is a name by its digest: it means the same image for ever.
func pinned(name, digest string) string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil || digest == "" {
		return ""
	}
	return reference.FamiliarName(named) + "@" + digest
}
