package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// The labels by which an operator finds the containers of steps, and the connector
// what they are and whose.
const (
	labelAttempt   = "ci.patchbay.attempt"
	labelConnector = "ci.patchbay.connector"
	labelWorkspace = "ci.patchbay.workspace" // a digest of the run's folder
	labelFolder    = "ci.patchbay.folder"    // of the attempt, on the host
	labelHost      = "ci.patchbay.host"      // whose attempt it is; see owner
	labelSpec      = "ci.patchbay.spec"      // a digest of what the container is
	labelPrepared  = "ci.patchbay.prepared"  // made before the attempt was begun
	labelService   = "ci.patchbay.service"   // the name of a service
	labelServices  = "ci.patchbay.services"  // a step that has some
	labelTied      = "ci.patchbay.tied"      // to its host, which does not come back for it
)

const namePrefix = "patchbay-"

var nameable = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,200}$`)

// containerName is the name that an attempt's container has, and nobody else's.
func containerName(attemptID string) string {
	if nameable.MatchString(attemptID) {
		return namePrefix + attemptID
	}
	sum := sha256.Sum256([]byte(attemptID))
	return namePrefix + "x-" + hex.EncodeToString(sum[:])
}

// spec is a container to be.
type spec struct {
	config   *container.Config
	host     *container.HostConfig
	network  *network.NetworkingConfig
	platform *imagespec.Platform
}

// newSpec says what the step's container is. Environment and secrets go by the
// API, so that no command line has them.
func (c *connector) newSpec(ctx context.Context, r sdk.Request[config]) (*spec, error) {
	if err := c.policy.allows(&r.Config); err != nil {
		return nil, err
	}
	directory, err := workingDirectory(r.Step.Workspace.Path, r.Config.WorkingDirectory)
	if err != nil {
		return nil, err
	}
	exchange, err := exchangeFolder(r.Step.Workspace.AttemptPath)
	if err != nil {
		return nil, err
	}
	environment := stepEnvironment(r)
	user, err := c.user(ctx, r.Config.User, environment)
	if err != nil {
		return nil, err
	}
	entrypoint, arguments := process(r)
	wanted := &spec{
		config: &container.Config{
			Image: r.Config.Image, Entrypoint: entrypoint, Cmd: arguments, User: user,
			Env: environmentList(environment), WorkingDir: directory, Labels: c.labels(r.Step, r.CancelOnDisconnect),
			Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		},
		host: c.hostConfig(&r.Config.limits, &r.Config.isolation),
	}
	wanted.host.Mounts = []mount.Mount{
		{Type: mount.TypeBind, Source: r.Step.Workspace.Path, Target: mountPoint},
		{Type: mount.TypeBind, Source: exchange, Target: exchangePoint}}
	r.Config.storage.apply(wanted.host)
	private := ""
	if len(r.Config.Services) > 0 {
		private = containerName(r.Step.AttemptID)
		wanted.config.Labels[labelServices] = "true"
	}
	r.Config.networking.apply(wanted.host, private)
	if r.Config.Platform != "" {
		wanted.platform = platformOf(r.Config.Platform)
	}
	return wanted, nil
}

// hostConfig is what containers of steps and of services have in common.
func (c *connector) hostConfig(l *limits, i *isolation) *container.HostConfig {
	initialise := !c.engine.noInit.Load()
	host := &container.HostConfig{
		Init:      &initialise, // reaps orphans, and lets a signal end the step
		LogConfig: logConfig(),
		Resources: l.resources(c.policy),
		ShmSize:   int64(l.ShmSize),
	}
	i.apply(host)
	return host
}

// mark labels the container with what it is, so that whoever finds it can tell
// whether it is what is asked for.
func (s *spec) mark() error {
	description, err := json.Marshal([]any{s.config, s.host, s.platform})
	if err != nil {
		return fmt.Errorf("describe the container: %w", err)
	}
	sum := sha256.Sum256(description)
	s.config.Labels[labelSpec] = hex.EncodeToString(sum[:])
	return nil
}

// digest is what mark has noted.
func (s *spec) digest() string { return s.config.Labels[labelSpec] }

// platformOf reads os/architecture[/variant].
func platformOf(text string) *imagespec.Platform {
	parts := append(strings.SplitN(text, "/", 3), "", "")
	return &imagespec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}

// logConfig names the only driver of the Engine's that keeps output byte for byte:
// json-file replaces what is not UTF-8. One file, never rotated in practice: a
// joined step replays its output from the first byte.
func logConfig() container.LogConfig {
	return container.LogConfig{Type: "local", Config: map[string]string{
		"max-size": "64g", "max-file": "1", "compress": "false", "mode": "blocking"}}
}

// process returns entrypoint and arguments; nil means the image's own.
func process(r sdk.Request[config]) (entrypoint, arguments []string) {
	workspace := r.Step.Workspace.Path
	var line []string
	switch command := r.Config.Command; {
	case r.Config.Script != "":
		line = []string{"sh", "-e", "-c", string(r.Config.Script)}
	case len(command.list) > 0:
		line = allInContainer(workspace, command.list)
	case command.given():
		line = []string{"sh", "-c", command.text}
	}
	if len(r.Config.Entrypoint) > 0 {
		return allInContainer(workspace, r.Config.Entrypoint), line
	}
	return line, nil
}

// user says whom the container runs as. A server that is not root could not
// remove root's files from the workspace, so its steps run as itself, unless the
// Engine is rootless: there, the container's root is the Engine's own user.
func (c *connector) user(ctx context.Context, configured string, environment map[string]string) (string, error) {
	if configured != "" || runtime.GOOS != "linux" || os.Getuid() == 0 {
		return configured, nil
	}
	rootless, err := c.engine.isRootless(ctx)
	if err != nil || rootless {
		return "", err
	}
	if _, given := environment["HOME"]; !given {
		environment["HOME"] = "/tmp" // that user has none in the image
	}
	return strconv.Itoa(os.Getuid()) + ":" + strconv.Itoa(os.Getgid()), nil
}
