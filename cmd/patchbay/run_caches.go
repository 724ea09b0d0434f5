package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/artifacts"
	"github.com/patchbay-ci/patchbay/core/blob"
	"github.com/patchbay-ci/patchbay/core/store/sqlite"
)

// localCacheLimit is how much the caches of all projects of a user may take: less than
// a server's, since it is in somebody's home folder.
const localCacheLimit = 5 << 30

// localCaches are the caches of `patchbay run`, kept in the user's cache folder from
// one run to the next. Runs at the same time share them.
type localCaches struct {
	store *sqlite.Store
	files *artifacts.Service
	// project tells the caches of pipelines of the same name in different folders
	// apart.
	project string
	// use is locked, shared, as long as this process may name content that no
	// document names yet; who sweeps locks it alone.
	use *os.File
}

// openLocalCaches opens the caches below a folder for the pipelines of a project's.
func openLocalCaches(ctx context.Context, folder, project string, log hclog.Logger) (_ *localCaches, err error) {
	absolute, err := filepath.Abs(project)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	c := &localCaches{project: absolute}
	if c.use, err = os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.use.Close())
		}
	}()
	if err := syscall.Flock(int(c.use.Fd()), syscall.LOCK_SH); err != nil {
		return nil, err
	}
	blobs, err := blob.Open(filepath.Join(folder, "blobs"))
	if err != nil {
		return nil, err
	}
	if c.store, err = sqlite.Open(ctx, filepath.Join(folder, "caches.db")); err != nil {
		return nil, err
	}
	c.files = artifacts.New(c.store, blobs, artifacts.Limits{Caches: localCacheLimit}, log)
	return c, nil
}

// close removes what is too much, unless another run is using the caches: it will.
func (c *localCaches) close(ctx context.Context) error {
	if syscall.Flock(int(c.use.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		c.files.Tidy(ctx)
	}
	return errors.Join(c.store.Close(), c.use.Close())
}

// scope stands for the pipeline, which has another ID in each run.
func (c *localCaches) scope(pipeline string) string {
	hash := sha256.Sum256([]byte(c.project + "\x00" + pipeline))
	return hex.EncodeToString(hash[:])
}

// filesWithCaches keeps the artifacts of a run with it and its caches beyond it.
type filesWithCaches struct {
	*artifacts.Service
	caches *localCaches
	scope  string
}

// RestoreCache implements engine.Files.
func (f *filesWithCaches) RestoreCache(ctx context.Context, _, workspace, key string, spec core.CacheSpec) (hit string, err error) {
	return f.caches.files.RestoreCache(ctx, f.scope, workspace, key, spec)
}

// SaveCache implements engine.Files.
func (f *filesWithCaches) SaveCache(ctx context.Context, _, workspace, key string, spec core.CacheSpec) (saved bool, err error) {
	return f.caches.files.SaveCache(ctx, f.scope, workspace, key, spec)
}

// keepCaches opens the user's caches if one of the pipelines has a step with some.
// They are those of a project, or of a file's folder. Without a place for them they
// live as long as the run.
func (a *app) keepCaches(ctx context.Context, runner *localRunner, specs []*core.Spec, project string) {
	folder := a.cacheDir()
	if folder == "" || !slices.ContainsFunc(specs, hasCaches) {
		return
	}
	caches, err := openLocalCaches(ctx, filepath.Join(folder, "run"), project, runner.log)
	if err != nil {
		fmt.Fprintf(a.stderr, "patchbay: caches of earlier runs cannot be used: %v\n", err)
		return
	}
	runner.caches = caches
}

func hasCaches(spec *core.Spec) bool {
	return slices.ContainsFunc(spec.Stages, func(stage core.Stage) bool {
		return slices.ContainsFunc(stage.Steps, func(step core.Step) bool { return len(step.Cache) > 0 })
	})
}
