package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/patchbay-ci/patchbay/sdk"
)

// quickCall bounds every request that is not waiting for a step or an image.
const quickCall = 2 * time.Minute

// mendedLogs is the API version from which an Engine's log is known to keep the
// newlines of long lines (Engine 23).
const mendedLogs = "1.42"

// engine is the Docker Engine that containers run in. It is safe for concurrent
// use.
type engine struct {
	api *client.Client
	err error // why there is no client

	// away is how long the Engine may be gone (restarting, say) before a step is
	// given up.
	away time.Duration

	// noInit is set when the Engine turned out to have no docker-init.
	noInit   atomic.Bool
	mu       sync.Mutex
	rootless *bool
}

// newEngine does no I/O but for looking at sockets' names: an Engine that is away
// must not keep the connector from being described.
func newEngine() *engine {
	options := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	if host := userSocket(); host != "" {
		options = append(options, client.WithHost(host))
	}
	api, err := client.NewClientWithOpts(options...)
	return &engine{api: api, err: err, away: time.Minute}
}

// losesNewlines reports whether the log lacks the newlines of long lines. It goes
// by the API version agreed on with the Engine, so it is asked after a request.
func (e *engine) losesNewlines() bool { return versions.LessThan(e.api.ClientVersion(), mendedLogs) }

// userSocket finds the Engine of a user who has one and the machine has none:
// rootless Docker, Docker Desktop.
func userSocket() string {
	if os.Getenv(client.EnvOverrideHost) != "" || exists("/var/run/docker.sock") {
		return ""
	}
	candidates := []string{filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "docker.sock")}
	if home, err := os.UserHomeDir(); err == nil {
		candidates = append(candidates, filepath.Join(home, ".docker", "run", "docker.sock"))
	}
	for _, path := range candidates {
		if filepath.IsAbs(path) && exists(path) {
			return "unix://" + path
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// usable says whether there is a client at all; not, whether anybody answers.
func (e *engine) usable() error {
	if e.err == nil {
		return nil
	}
	return &sdk.Error{Class: sdk.ClassExternalService, Err: e.err,
		Message:    "the settings for the Docker Engine cannot be used: " + e.err.Error(),
		Suggestion: "set DOCKER_HOST to unix:///path/to/docker.sock or tcp://host:port, and DOCKER_CERT_PATH to the folder of its certificates"}
}

// isRootless reports whether the Engine runs as an ordinary user, whose files
// those of a container's root then are. The answer is remembered.
func (e *engine) isRootless(ctx context.Context) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rootless == nil {
		ctx, cancel := context.WithTimeout(ctx, quickCall)
		defer cancel()
		info, err := e.api.Info(ctx)
		if err != nil {
			return false, e.explain("ask the Docker Engine what it is", err)
		}
		rootless := slices.Contains(info.SecurityOptions, "name=rootless")
		e.rootless = &rootless
	}
	return *e.rootless, nil
}

// detached is a context for a request that must not be broken off half-way, since
// the Engine might finish it after we have looked away.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), quickCall)
}
