package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"golang.org/x/sync/errgroup"

	"github.com/patchbay-ci/patchbay/sdk"
)

// What a line of a build's remains speaks of.
const (
	noteContainer = "container:"
	noteImage     = "image:"
)

// remains are what a build has had the Engine make on the way. The Engine removes the
// containers itself, usually; the images are its cache.
//
// IDs are taken from what the builder prints, among which is what the commands of a
// Dockerfile print. So nothing is removed that was there before the build, that has a
// name or that belongs to a step.
type remains struct {
	engine *engine
	journal
	since time.Time
}

func newRemains(e *engine, j journal) *remains {
	r := &remains{engine: e, journal: j}
	if info, err := os.Stat(j.path(journalLock)); err == nil {
		r.since = info.ModTime() // made when the attempt began, and never written to
	}
	return r
}

// clear removes the containers, and, unless the build made what it was to make, the
// images that nothing was built upon: else a disk would fill up with failed builds. The
// images of a build that succeeded are what makes the next one quick.
func (r *remains) clear(ctx context.Context, kept bool) error {
	var errs []error
	ids := r.journal.remains()
	slices.Reverse(ids) // an image comes after those it is built upon
	for _, id := range ids {
		if name, found := strings.CutPrefix(id, noteContainer); found {
			errs = append(errs, r.container(ctx, name))
		} else if name, found := strings.CutPrefix(id, noteImage); found && !kept {
			errs = append(errs, r.image(ctx, name))
		}
	}
	return errors.Join(errs...)
}

// container removes a container of the build.
func (r *remains) container(ctx context.Context, id string) error {
	found, err := r.engine.api.ContainerInspect(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return r.engine.explain("look for a container of the build", err)
	}
	_, ofStep := found.Config.Labels[labelAttempt]
	if ofStep || !r.isOurs(found.ID, id, found.Created) || found.HostConfig.RestartPolicy.Name != "" && !found.HostConfig.RestartPolicy.IsNone() {
		return nil
	}
	return r.engine.remove(ctx, found.ID)
}

// image removes an image of the build, if nothing is built upon it, nothing runs it and
// it has no name.
func (r *remains) image(ctx context.Context, id string) error {
	found, err := r.engine.api.ImageInspect(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return r.engine.explain("look for an image of the build", err)
	}
	if len(found.RepoTags)+len(found.RepoDigests) > 0 || !r.isOurs(strings.TrimPrefix(found.ID, "sha256:"), id, found.Created) {
		return nil
	}
	_, err = r.engine.api.ImageRemove(ctx, found.ID, image.RemoveOptions{})
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return r.engine.explain("remove an image of the build", err)
}

// isOurs reports whether something was made since the attempt began. The clock is this
// machine's, and so is the Engine's.
func (r *remains) isOurs(found, id, created string) bool {
	made, err := time.Parse(time.RFC3339Nano, created)
	return err == nil && strings.HasPrefix(found, id) && !r.since.IsZero() && !made.Before(r.since.Truncate(time.Second))
}

// named reports whether an image was built that has a name. One without is of use until
// the run has ended, by the output image_id.
func (e *ending) named() bool {
	return e.Result != nil && e.Result.Outcome == sdk.OutcomeSucceeded && e.Result.Metadata["image"] != ""
}

// destroyBuilds stops the attempts' builds, in whatever process they go on, and removes
// what they left. An image that was built stays if it has a name. All are tried.
func (c *connector) destroyBuilds(ctx context.Context, attempts []sdk.AttemptRef) error {
	var group errgroup.Group
	group.SetLimit(destroyAtOnce)
	for _, attempt := range attempts {
		group.Go(func() error { return c.destroyBuild(ctx, attempt) })
	}
	return group.Wait()
}

func (c *connector) destroyBuild(ctx context.Context, attempt sdk.AttemptRef) error {
	j, flight := journal{attempt.Workspace.AttemptPath}, c.flights.find(attempt.AttemptID)
	if j.folder == "" || flight == nil && !j.has(journalLock) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	if end, err := j.end(); err != nil || end == nil {
		if err := j.stop(); err != nil {
			return fmt.Errorf("stop the build: %w", err)
		}
		if flight != nil {
			if err := flight.halt(); err != nil {
				return fmt.Errorf("stop the build: %w", err)
			}
		}
	}
	unlock, err := lockFile(ctx, j.path(journalLock))
	if err != nil {
		return fmt.Errorf("wait for the build to stop: %w", err)
	}
	defer unlock()
	end, _ := j.end() // a damaged one is as none
	return newRemains(c.engine, j).clear(ctx, end != nil && end.named())
}
