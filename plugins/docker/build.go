package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/client"

	"github.com/patchbay-ci/patchbay/sdk"
)

// maxBuilds bounds how often a build is begun because the Engine went away during it.
const maxBuilds = 5

// buildAction is what a step means that has a Dockerfile and nothing to run.
func buildAction(c *connector) sdk.Action {
	runs := []string{"command", "script", "ports"}
	return sdk.NewAction("build", "Build an image from a Dockerfile, and push it to a registry", c.build,
		sdk.WithOutput("image", "The first name of the image, such as registry.example.com/team/app:1.0"),
		sdk.WithOutput("tags", "All names of the image, divided by commas"),
		sdk.WithOutput("image_id", "The ID of the image in the Engine"),
		sdk.WithOutput("digest", "The digest that the registry gave the image, when it was pushed"),
		sdk.WithOutput("reference", "The image by its digest, when it was pushed: for steps that must get this very image"),
		sdk.ImpliedBy(sdk.KeyPattern{Present: []string{"dockerfile"}, Absent: runs},
			sdk.KeyPattern{Present: []string{"dockerfile_inline"}, Absent: runs},
			sdk.KeyPattern{Present: []string{"build_context"}, Absent: runs}))
}

// build builds an image, and pushes it if asked to. The work goes on in this process,
// for whoever joins the attempt (see flights).
func (c *connector) build(ctx context.Context, r sdk.Request[buildConfig], s *sdk.Session) (sdk.Result, error) {
	names, err := imageNames(r.Config.Image, r.Config.Tags, r.Config.Registry)
	if err != nil {
		return sdk.Result{}, err
	}
	login, err := newLogins(r.Config.RegistryAuth, firstOf(names), r.Step.Secrets)
	if err != nil {
		return sdk.Result{}, err
	}
	b := &builder{engine: c.engine, step: r.Step, config: r.Config, names: names, logins: login}
	return c.inFlight(ctx, r.RunRequest, s, b.work)
}

// inFlight does work of the attempt's in this process, or joins it.
func (c *connector) inFlight(ctx context.Context, r sdk.RunRequest, s *sdk.Session, do work) (sdk.Result, error) {
	if err := c.engine.usable(); err != nil {
		return sdk.Result{}, err
	}
	folder := r.Step.Workspace.AttemptPath
	if info, err := os.Stat(folder); folder == "" || err != nil || !info.IsDir() {
		return sdk.Result{}, fmt.Errorf("the attempt has no folder: %w", errors.Join(err, fs.ErrInvalid))
	}
	if len(r.State) > 0 && !(journal{folder}).has(journalRemains) {
		return sdk.Result{}, lostBuild()
	}
	flight := c.flights.join(r.Step, do)
	if err := s.SaveState([]byte(`{"build":true}`)); err != nil {
		return sdk.Result{}, err
	}
	return flight.follow(ctx, s)
}

// lostBuild is the error of a build whose journal was there and is not any more.
func lostBuild() error {
	return &sdk.Error{Class: sdk.ClassLost, Message: "what was known of the build is gone with the attempt's folder",
		Suggestion: "run the step again"}
}

func firstOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// builder is one attempt at building an image.
type builder struct {
	engine *engine
	step   sdk.Step
	config buildConfig
	names  []string
	logins *logins
}

// work builds, checks and pushes. It is safe to be done again from the start: the
// Engine has the layers that were finished, and the registry those that were pushed.
func (b *builder) work(ctx context.Context, w *writing, again bool) *ending {
	end := b.doAll(ctx, w, again)
	if ctx.Err() != nil {
		end = nil
	}
	kept := end != nil && end.Result != nil && end.Result.Outcome == sdk.OutcomeSucceeded
	clearing, cancel := detached(ctx)
	defer cancel()
	// What this cannot remove, DestroyStep tries again.
	_ = newRemains(b.engine, w.journal).clear(clearing, kept)
	return end
}

func (b *builder) doAll(ctx context.Context, w *writing, again bool) *ending {
	if again {
		fmt.Fprintln(w, "\n--- the connector was stopped in the middle of this; it begins again, and finished layers come from the cache ---")
	}
	source, err := openSources(b.step.Workspace.Path, &b.config)
	if err != nil {
		return failedEnding(err)
	}
	defer source.Close()
	b.pullCaches(ctx, w)
	image, end := b.build(ctx, w, source)
	if end != nil {
		return end
	}
	if b.config.Distroless {
		if end := b.checkDistroless(ctx, image); end != nil {
			return end
		}
	}
	return b.finish(ctx, w, image)
}

// build has the Engine build, and does it again when the Engine went away meanwhile
// and came back. It returns the image's ID, or how the attempt ended without one.
func (b *builder) build(ctx context.Context, w *writing, source *sources) (string, *ending) {
	for try := 1; ; try++ {
		a := &account{to: w}
		begun, err := b.once(ctx, a, source)
		if err == nil && a.image == "" {
			err = io.ErrUnexpectedEOF
		}
		switch {
		case err == nil:
			return a.image, nil
		case !begun || !brokeOff(err) || try == maxBuilds:
			return "", b.explain(a, err)
		}
		w.progress("the Docker Engine broke off; waiting for it", -1)
		if err := b.engine.awaitReturn(ctx); err != nil {
			return "", failedEnding(err)
		}
		fmt.Fprintln(w, "\n--- the Docker Engine broke off; it begins again, and finished layers come from the cache ---")
	}
}

// once is one build. begun reports whether the Engine was there to begin with.
func (b *builder) once(ctx context.Context, a *account, source *sources) (begun bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var told time.Time
	files, err := newBuildContext(source, func(bytes int64) {
		if time.Since(told) >= progressPause {
			told = time.Now()
			a.to.progress(fmt.Sprintf("sending the build context: %.1f MB", float64(bytes)/1e6), -1)
		}
	})
	if err != nil {
		return false, err
	}
	files.whole = func() error { return b.saySent(a.to, files) }
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := files.write(ctx, writer)
		writer.CloseWithError(err)
		sent <- err
	}()
	response, err := b.engine.api.ImageBuild(ctx, reader, b.options(files.dockerfile))
	if err == nil {
		begun, err = true, a.read(response.Body)
		response.Body.Close()
	}
	reader.CloseWithError(errNotWanted) // the sender must not wait for a reader for ever
	problem := <-sent
	var known *sdk.Error
	if err != nil && errors.As(problem, &known) {
		return false, problem
	}
	return begun || files.total > 0, err
}

// errNotWanted is what the sender of a context gets when the Engine reads no more.
var errNotWanted = errors.New("the Docker Engine did not want the rest of the build context")

// saySent tells how large the context was, and what is not in it.
func (b *builder) saySent(w *writing, files *buildContext) error {
	const most = 5
	for i, name := range files.skipped {
		if i == most {
			fmt.Fprintf(w, "and %d more\n", len(files.skipped)-most)
			break
		}
		fmt.Fprintf(w, "not sent: %s is neither a file, a folder nor a link\n", name)
	}
	_, err := fmt.Fprintf(w, "Sent the build context: %.1f MB\n", float64(files.total)/1e6)
	return err
}

// options asks for the classic builder: it is in every Engine from 20.10 on, and takes
// credentials for base images with the request, where BuildKit wants a session.
func (b *builder) options(dockerfile string) build.ImageBuildOptions {
	c := &b.config
	return build.ImageBuildOptions{
		Version: build.BuilderV1, Tags: b.names, Dockerfile: dockerfile, Target: c.Target, Labels: c.Labels,
		BuildArgs: c.Args.with(c.Environment, b.step.Environment), CacheFrom: c.CacheFrom, NoCache: c.NoCache,
		PullParent: bool(c.Pull), Platform: strings.ToLower(c.Platform), AuthConfigs: b.logins.all(),
		Remove: true, ForceRemove: true,
	}
}

// brokeOff reports whether an error is that of an Engine which went away, and not its
// word on the build.
func brokeOff(err error) bool {
	var failure *engineFailure
	return !errors.As(err, &failure) && (client.IsErrConnectionFailed(err) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "connection reset") || strings.Contains(err.Error(), "broken pipe") ||
		strings.HasSuffix(err.Error(), "EOF"))
}

// awaitReturn waits until the Engine answers.
func (e *engine) awaitReturn(ctx context.Context) error {
	limit := time.NewTimer(e.away)
	defer limit.Stop()
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		_, err := e.api.Ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limit.C:
			return e.explain("go on with the build", err)
		case <-time.After(pause):
		}
	}
}
