package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/api"
	"github.com/patchbay-ci/patchbay/core/artifacts"
	"github.com/patchbay-ci/patchbay/core/auth"
	"github.com/patchbay-ci/patchbay/core/blob"
	"github.com/patchbay-ci/patchbay/core/config"
	"github.com/patchbay-ci/patchbay/core/deploy"
	"github.com/patchbay-ci/patchbay/core/engine"
	"github.com/patchbay-ci/patchbay/core/idempotency"
	"github.com/patchbay-ci/patchbay/core/logs"
	"github.com/patchbay-ci/patchbay/core/notify"
	"github.com/patchbay-ci/patchbay/core/pipefile"
	"github.com/patchbay-ci/patchbay/core/pluginhost"
	"github.com/patchbay-ci/patchbay/core/schedule"
	"github.com/patchbay-ci/patchbay/core/secrets"
	"github.com/patchbay-ci/patchbay/core/store/sqlite"
	"github.com/patchbay-ci/patchbay/core/trigger"
	"github.com/patchbay-ci/patchbay/core/webhook"
	"github.com/patchbay-ci/patchbay/core/workspace"
)

// node is everything behind a server's address.
type node struct {
	lock    *os.File
	store   core.Store
	logs    *logs.Store
	host    *pluginhost.Host
	blobs   core.BlobStore
	files   *artifacts.Service
	secrets *secrets.Service
	engine  *engine.Engine
	deploys *deploy.Manager
	// triggers is the one door for every run, schedules one of those who use it.
	triggers  *trigger.Traced
	schedules *schedule.Service
	webhooks  *webhook.Service
	auth      *auth.Service
	logins    core.Logins
	access    *access
	keys      *idempotency.Service
	uploads   string
	watch     *watch
	// notify tells of what changes in watched, the store of those who run executions.
	notify  *notify.Service
	watched core.Store
	log     hclog.Logger
	// deliveries is what is kept of those.
	deliveries webhook.Limits
	// stop ends what goes on in the background, which background counts.
	stop       context.CancelFunc
	background sync.WaitGroup
}

// openNode opens the data folder and wires the parts together.
func (a *app) openNode(ctx context.Context, settings config.Server, log hclog.Logger) (_ *node, err error) {
	folders, err := makeDataFolders(settings.Data)
	if err != nil {
		return nil, err
	}
	n := &node{log: log, stop: func() {}}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	if n.lock, err = lockFolder(settings.Data); err != nil {
		return nil, err
	}
	if n.watch, err = a.newWatch(ctx, settings, log); err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, folders.database)
	if err != nil {
		return nil, err
	}
	n.store = n.watch.metrics.Store(store)
	if n.logs, err = logs.Open(folders.logs); err != nil {
		return nil, err
	}
	workspaces, err := workspace.NewManager(folders.runs, folders.runs)
	if err != nil {
		return nil, err
	}
	// Where short runs follow each other, this is a third of the time of each.
	workspace.Spread(folders.runs)
	workspace.Spread(folders.logs)
	if n.host, err = a.serverPluginHost(log, settings.PluginPath); err != nil {
		return nil, err
	}
	blobs, err := blob.Open(folders.blobs)
	if err != nil {
		return nil, err
	}
	n.blobs, n.deliveries = blobs, webhook.Limits{Age: time.Duration(settings.WebhookAge), Count: settings.WebhookCount, Bytes: int64(settings.WebhookBytes)}
	n.files = artifacts.New(n.store, blobs, artifacts.Limits{}, log.Named("artifacts"))
	if n.secrets, err = a.openSecrets(ctx, n.store, settings.Data); err != nil {
		return nil, err
	}
	if err = n.openAccess(settings); err != nil {
		return nil, err
	}
	if n.keys, err = idempotency.New(n.store, log.Named("keys")); err != nil {
		return nil, err
	}
	if n.uploads, err = makeUploads(folders.uploads); err != nil {
		return nil, err
	}
	if n.notify, err = newNotify(n, settings); err != nil {
		return nil, err
	}
	n.watched = n.notify.Watch(n.store)
	if n.deploys, err = newDeployments(n, settings); err != nil {
		return nil, err
	}
	n.engine = engine.New(engine.Options{Store: n.watched, Logs: n.watch.metrics.Logs(n.logs), Observer: n.watch.runs, Tracer: n.watch.tracer, Connectors: n.host, Workspaces: workspaces, Deployer: n.deploys,
		Secrets: n.secrets, Values: n.secrets, Files: n.files, Settings: n.store, Logger: log.Named("engine"), NewID: newID, MaxExecutions: settings.MaxExecutions,
		Quota: workspace.Quota{Bytes: int64(settings.WorkspaceLimit), Files: settings.WorkspaceFiles}})
	n.watch.attach(n, settings.Data)
	return n, nil
}

// start goes on with what was running, and begins what goes on in the background.
func (n *node) start(ctx context.Context) error {
	if err := n.deploys.Start(ctx); err != nil {
		return err
	}
	if err := n.engine.Recover(ctx); err != nil {
		return err
	}
	n.triggers = &trigger.Traced{Service: trigger.New(n.watched, n.engine.Submit).WithValues(n.secrets), Tracer: n.watch.tracer, Logger: n.log.Named("trigger")}
	n.schedules = schedule.New(n.store, n.triggers, n.log.Named("schedule"))
	n.webhooks = n.newWebhooks()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.stop = stop
	n.background.Go(func() { n.files.Maintain(background) })
	n.background.Go(func() { n.schedules.Run(background) })
	n.background.Go(func() { n.webhooks.Run(background) })
	n.background.Go(func() { n.tidy(background) })
	n.background.Go(func() { n.keys.Maintain(background) })
	n.background.Go(func() { n.notify.Run(background) })
	return nil
}

// handler makes the API; call start before.
func (n *node) handler(log hclog.Logger) (http.Handler, error) {
	return api.New(api.Deps{Store: watchedStore{n.store, n.pipelineChanged}, Logs: n.logs, Parser: pipefile.NewParser(n.host),
		Trigger: n.triggers, Retry: n.triggers, Schedules: n.schedules.States, Engine: n.engine, Catalog: n.host,
		Approve: n.engine, Queue: n.engine, Artifacts: n.files, Notifications: n.notify, Services: n.deploys, Secrets: n.secrets, Webhooks: n.webhooks, Deliveries: n.store,
		Keys: n.keys, Uploads: n.uploads, Logger: log.Named("api"), Version: version, Observe: n.watch.observation(log.Named("metrics")),
		Accounts: n.auth, Logins: n.logins, Audit: n.store, Origins: n.access.origins, Limits: n.access.limits, Web: n.access.web})
}

// makeUploads makes the folder for files while they arrive, and empties it of what a
// killed server left there.
func makeUploads(folder string) (string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return folder, api.SweepUploads(folder)
}

// close closes what was opened, in the opposite order.
func (n *node) close() {
	n.stop()
	n.background.Wait()
	if n.deploys != nil {
		n.deploys.Close()
	}
	var errs []error
	if n.host != nil {
		errs = append(errs, n.host.Close())
	}
	if n.logs != nil {
		errs = append(errs, n.logs.Close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.watch != nil {
		errs = append(errs, n.watch.close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		n.log.Error("stop", "error", err)
	}
}

// lockFolder keeps a second server out of a data folder. The lock goes with the
// process, however it ends.
func lockFolder(data string) (*os.File, error) {
	name := filepath.Join(data, "lock")
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another server is using the data folder %s: stop it, or give --data another one", data), file.Close())
	}
	return file, nil
}
