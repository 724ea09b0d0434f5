package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/patchbay-ci/patchbay/sdk"
)

// puller pulls images; those who want the same one at the same time share one
// pull, which is broken off when the last of them leaves.
type puller struct {
	engine *engine

	mu      sync.Mutex
	flights map[wantedImage]*flight
}

func newPuller(e *engine) *puller { return &puller{engine: e, flights: map[wantedImage]*flight{}} }

// flight is one pull that goes on.
type flight struct {
	cancel   context.CancelFunc
	waiters  int // guarded by puller.mu
	progress *pullProgress
	done     chan struct{}
	err      error // set before done is closed
}

// wantedImage is what is pulled: those who want the same on behalf of somebody else
// do not share a pull, or a login would be worth nothing.
type wantedImage struct {
	ref, platform string
	auth          string // as the Engine wants it; empty for none
}

// pullImage pulls an image for a step, with the step's login for its registry.
func (c *connector) pullImage(ctx context.Context, r sdk.Request[config], ref string, report func(message string, percent int) error) error {
	known, err := newLogins(r.Config.RegistryAuth, r.Config.Image, r.Step.Secrets)
	if err != nil {
		return err
	}
	auth, err := known.forImage(ref)
	if err != nil {
		return err
	}
	return c.pulls.pull(ctx, wantedImage{ref: ref, platform: r.Config.Platform, auth: auth}, report)
}

// pull waits until the image is pulled, and tells report what is happening.
func (p *puller) pull(ctx context.Context, wanted wantedImage, report func(message string, percent int) error) error {
	f := p.join(wanted)
	defer p.leave(wanted, f)
	for {
		message, percent, changed := f.progress.now()
		if err := report(message, percent); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-f.done:
			return f.err
		case <-changed:
		}
	}
}

func (p *puller) join(wanted wantedImage) *flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, going := p.flights[wanted]; going {
		f.waiters++
		return f
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &flight{cancel: cancel, waiters: 1, progress: newPullProgress(wanted.ref), done: make(chan struct{})}
	p.flights[wanted] = f
	go func() {
		defer close(f.done)
		f.err = p.engine.pull(ctx, wanted, f.progress)
		p.forget(wanted, f)
	}()
	return f
}

func (p *puller) leave(wanted wantedImage, f *flight) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.cancel()
		p.drop(wanted, f) // who comes now must not join what is being broken off
	}
}

func (p *puller) forget(wanted wantedImage, f *flight) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(wanted, f)
}

func (p *puller) drop(wanted wantedImage, f *flight) {
	if p.flights[wanted] == f {
		delete(p.flights, wanted)
	}
}

func (e *engine) pull(ctx context.Context, wanted wantedImage, progress *pullProgress) error {
	ref := wanted.ref
	messages, err := e.api.ImagePull(ctx, ref, image.PullOptions{RegistryAuth: wanted.auth, Platform: wanted.platform})
	if err != nil {
		return e.explainPull(ref, err)
	}
	defer messages.Close()
	if err := progress.read(messages); err != nil {
		return e.explainPull(ref, err)
	}
	return nil
}

// explainPull says why an image cannot be had. While the pull goes on, the Engine
// hands on registries' errors as text only.
func (e *engine) explainPull(ref string, err error) error {
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
		Message:    fmt.Sprintf("the image %s cannot be pulled: %s", ref, engineText(err)),
		Suggestion: "can the Docker Engine reach the registry? Try docker pull " + ref + " on its machine"}
	switch {
	case client.IsErrConnectionFailed(err):
		return e.unreachable(err)
	case says("pull access denied", "repository does not exist"):
		problem.Class = sdk.ClassNotFound
		problem.Suggestion = "check the image's name; if it is private, give the step a login: registry_auth, with the password in a secret"
	case errdefs.IsUnauthorized(err), errdefs.IsPermissionDenied(err),
		says("unauthorized", "authentication required", "no basic auth credentials", "denied:", "403 forbidden"):
		problem.Class = sdk.ClassAuthentication
		problem.Suggestion = "give the step a login for the registry: registry_auth, with the password in a secret; or correct the one it has"
	case says("no such host", "connection refused", "i/o timeout", "tls:", "x509", "network is unreachable", "too many requests", "toomanyrequests"):
		// the suggestion above fits
	case errdefs.IsNotFound(err), says("manifest unknown", "not found", "no matching manifest", "name unknown"):
		problem.Class = sdk.ClassNotFound
		problem.Suggestion = "check the image's name and tag, and that it exists for this machine's architecture"
	case errors.Is(err, io.ErrUnexpectedEOF):
		problem.Suggestion = "the Docker Engine broke off; run the step again"
	}
	return problem
}

// noSuchImage is the error of an image that is not there and will not be pulled,
// or was pulled and still is not.
func noSuchImage(ref, policy string, err error) error {
	problem := &sdk.Error{Class: sdk.ClassNotFound, Pointer: "/image", Err: err,
		Message:    fmt.Sprintf("there is no image %s in the Docker Engine", ref),
		Suggestion: "somebody removed it just after it was pulled; run the step again"}
	if policy == pullNever {
		problem.Message += ", and pull: never forbids to pull it"
		problem.Suggestion = "pull or build it beforehand, or use pull: missing"
	}
	return problem
}
