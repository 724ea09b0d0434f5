package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"runtime"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/patchbay-ci/patchbay/sdk"
)

// The labels by which an operator finds the containers of steps.
const (
	labelAttempt   = "ci.patchbay.attempt"
	labelConnector = "ci.patchbay.connector"
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
	config *container.Config
	host   *container.HostConfig
}

// newSpec says what the step's container is. Environment and secrets go by the
// API, so that no command line has them.
func (c *connector) newSpec(ctx context.Context, r sdk.Request[config]) (*spec, error) {
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
	initialise := !c.engine.noInit.Load()
	return &spec{
		config: &container.Config{
			Image: r.Config.Image, Entrypoint: entrypoint, Cmd: arguments, User: user,
			Env: environmentList(environment), WorkingDir: directory,
			Labels:      map[string]string{labelAttempt: r.Step.AttemptID, labelConnector: "docker"},
			Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		},
		host: &container.HostConfig{
			Init:      &initialise, // reaps orphans, and lets a signal end the step
			LogConfig: logConfig(),
			Mounts: []mount.Mount{
				{Type: mount.TypeBind, Source: r.Step.Workspace.Path, Target: mountPoint},
				{Type: mount.TypeBind, Source: exchange, Target: exchangePoint}},
		},
	}, nil
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
