package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/hashicorp/go-hclog"
)

// sweepTime bounds a sweep.
const sweepTime = 5 * time.Minute

// sweeper has each process of the connector sweep once.
type sweeper struct {
	mu   sync.Mutex
	done bool
}

// sweepOnce removes what hosts have left that will never come back for it: a
// `patchbay run` that was killed, a server whose data folder is gone. It goes by
// labels alone (see abandoned) and touches nothing that has none. An Engine that is
// away is swept at the next step.
func (c *connector) sweepOnce(ctx context.Context) {
	c.sweeps.mu.Lock()
	defer c.sweeps.mu.Unlock()
	if c.sweeps.done || c.owner == (owner{}) || c.engine.usable() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	if err := c.sweep(ctx); err != nil {
		hclog.Default().Debug("what lost runs have left could not be swept", "error", err)
		return
	}
	c.sweeps.done = true
}

// sweep removes all that is abandoned: containers first, since a network in use
// cannot be removed.
func (c *connector) sweep(ctx context.Context) error {
	containers, err := c.engine.list(ctx, labelHost)
	if err != nil {
		return err
	}
	var problems []error
	for _, found := range containers {
		if c.abandoned(found.Labels, found.State == container.StateCreated) {
			hclog.Default().Info("removing a container that a lost run has left", "container", found.ID, "attempt", found.Labels[labelAttempt])
			problems = append(problems, c.engine.remove(ctx, found.ID))
		}
	}
	networks, err := c.engine.api.NetworkList(ctx, network.ListOptions{Filters: labelled(labelHost)})
	if err != nil {
		return c.engine.explain("list the networks of steps", err)
	}
	for _, found := range networks {
		if c.abandoned(found.Labels, false) {
			problems = append(problems, c.engine.removeNetwork(ctx, found.Name))
		}
	}
	return errors.Join(problems...)
}

// abandoned reports whether it is certain that no host will come back for something
// with these labels. Its host has ended, and
//   - was one that does not take up again what it has begun, or
//   - had only got it ready: attempts are stored when they begin, or
//   - has lost the folder of the attempt, which is there until the attempt is
//     destroyed.
//
// Whatever else there is has a host that runs, that will be started again with the
// same data, or of which nothing can be known from here.
func (c *connector) abandoned(labels map[string]string, created bool) bool {
	host, known := parseOwner(labels[labelHost])
	if !known || labels[labelAttempt] == "" || !c.owner.gone(host) {
		return false
	}
	folder := labels[labelFolder]
	switch {
	case labels[labelTied] == "true":
		return true
	case !filepath.IsAbs(folder) || !c.owner.sees(host):
		return false
	case created && labels[labelPrepared] == "true" && missing(filepath.Join(folder, lockName)):
		return true
	}
	return missing(folder)
}

// missing reports whether a path is known not to be there.
func missing(name string) bool {
	_, err := os.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}
