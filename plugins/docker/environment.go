package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// mountPoint is where a container has the workspace.
const mountPoint = "/workspace"

// exchangePoint is where a container has the folder for what it tells the host.
const (
	exchangePoint = "/patchbay"
	exchangeName  = "exchange"
)

// exchangeFolder makes the attempt's folder for that. Its user may be any, so all
// may write there; but nobody else on the host gets as far as this folder.
func exchangeFolder(attemptPath string) (string, error) {
	folder := filepath.Join(attemptPath, exchangeName)
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make a folder for the step's outputs: %w", err)
	}
	return folder, os.Chmod(folder, 0o777) // whatever the umask
}

// workspaceEnv tells a step where its files are.
const workspaceEnv = "CI_WORKSPACE"

// stepEnvironment is the step's environment, its secrets, and what its config
// adds; the last one wins, and all of it over the image's own. Paths in the
// host's workspace become those that the container sees; secrets are left as
// they are.
func stepEnvironment(r sdk.Request[config]) map[string]string {
	merged := map[string]string{}
	for name, value := range r.Step.Environment {
		merged[name] = inContainer(r.Step.Workspace.Path, value)
	}
	for name, value := range withoutCredentials(r.Config.RegistryAuth, r.Step.Secrets) {
		merged[name] = value
	}
	for name, value := range r.Config.Environment {
		merged[name] = inContainer(r.Step.Workspace.Path, value)
	}
	merged[workspaceEnv] = mountPoint
	merged[sdk.OutputEnv] = sdk.OutputPath(exchangePoint)
	return merged
}

func environmentList(environment map[string]string) []string {
	list := make([]string, 0, len(environment))
	for name, value := range environment {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// inContainer turns a path in the host's workspace into the container's. Any
// other text stays what it is.
func inContainer(workspace, value string) string {
	if workspace == "" {
		return value
	}
	workspace = filepath.Clean(workspace)
	rest, found := strings.CutPrefix(value, workspace)
	if !found || rest != "" && rest[0] != '/' {
		return value
	}
	return mountPoint + rest
}

func allInContainer(workspace string, values []string) []string {
	var mapped []string
	for _, value := range values {
		mapped = append(mapped, inContainer(workspace, value))
	}
	return mapped
}
