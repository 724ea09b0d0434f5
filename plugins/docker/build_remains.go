package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sync/errgroup"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/filelock"
)

// remains are the containers that a build has had the Engine make on the way. The Engine
// removes them itself, usually. The images between are its cache and stay, also those of
// a build that failed: another build may be about to go on from them, and nobody can say.
//
// IDs are taken from what the builder prints, among which is what the commands of a
// Dockerfile print. So nothing is removed that was there before the build, or that
// belongs to a step.
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

// clear removes the containers.
func (r *remains) clear(ctx context.Context) error {
	var errs []error
	for _, id := range r.journal.remains() {
		errs = append(errs, r.container(ctx, id))
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

// isOurs reports whether something was made since the attempt began. The clock is this
// machine's, and so is the Engine's.
func (r *remains) isOurs(found, id, created string) bool {
	made, err := time.Parse(time.RFC3339Nano, created)
	return err == nil && strings.HasPrefix(found, id) && !r.since.IsZero() && !made.Before(r.since.Truncate(time.Second))
}

// destroyBuilds stops the attempts' builds, in whatever process they go on, and removes
// what they left, which images are not. All are tried.
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
	unlock, err := filelock.Take(ctx, j.path(journalLock))
	if err != nil {
		return fmt.Errorf("wait for the build to stop: %w", err)
	}
	defer unlock()
	return newRemains(c.engine, j).clear(ctx)
}
