package main

import (
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// mountPoint is where a pod has the workspace, and exchangePoint the folder for what
// it tells the host.
const (
	mountPoint    = "/workspace"
	exchangePoint = "/patchbay"
	exchangeName  = "exchange"
)

// terminationLog is a file whose first 4 KiB Kubernetes keeps when a container ends.
const (
	terminationLog     = "/dev/termination-log"
	maxTerminationText = 4096
)

// workspaceEnv tells a step where its files are.
const workspaceEnv = "CI_WORKSPACE"

// stepEnvironment is the step's environment and what its config adds; the last one
// wins. Paths in the host's workspace become those that the pod sees. Secrets come by
// reference, and are not in the pod's specification.
func (p *podPlan) stepEnvironment() []corev1.EnvVar {
	r := p.request
	merged := map[string]string{}
	for name, value := range r.Step.Environment {
		merged[name] = inPod(r.Step.Workspace.Path, value)
	}
	for name, value := range r.Config.Environment {
		merged[name] = inPod(r.Step.Workspace.Path, value)
	}
	merged[workspaceEnv] = mountPoint
	merged[sdk.OutputEnv] = terminationLog
	if p.volumes != workspaceNone {
		merged[sdk.OutputEnv] = sdk.OutputPath(exchangePoint)
	}
	var list []corev1.EnvVar
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		if _, given := r.Config.Environment[name]; given || !p.isSecret(name) {
			list = append(list, corev1.EnvVar{Name: name, Value: literal(merged[name])})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Step.Secrets)) {
		if _, given := r.Config.Environment[name]; !given && p.isSecret(name) {
			list = append(list, p.secretVariable(name, name))
		}
	}
	return list
}

// isSecret reports whether the step gets the variable as a secret. Those that are for
// the connector, or for registries, are not for the step.
func (p *podPlan) isSecret(name string) bool {
	if _, given := p.request.Step.Secrets[name]; !given {
		return false
	}
	c := p.request.Config
	return name != c.Kubeconfig && (c.RegistryAuth == nil || name != c.RegistryAuth.Password)
}

// secretVariable takes a variable's value from the attempt's Secret.
func (p *podPlan) secretVariable(name, key string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: p.name}, Key: key}}}
}

// literal escapes a text that Kubernetes would otherwise put variables into: it reads
// $(NAME), and $$ as one $, in environments and command lines.
func literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }

func literals(texts []string) []string {
	var escaped []string
	for _, text := range texts {
		escaped = append(escaped, literal(text))
	}
	return escaped
}

// inPod turns a path in the host's workspace into the pod's. Any other text stays
// what it is.
func inPod(workspace, value string) string {
	if workspace == "" {
		return value
	}
	rest, found := strings.CutPrefix(value, filepath.Clean(workspace))
	if !found || rest != "" && rest[0] != '/' {
		return value
	}
	return mountPoint + rest
}

// workingDirectory is where the step begins.
func workingDirectory(workspace, configured string) (string, error) {
	directory := inPod(workspace, configured)
	if !path.IsAbs(directory) {
		directory = path.Join(mountPoint, directory)
	}
	if !within(mountPoint, directory) {
		return "", invalid("/working_directory", "give a path relative to the workspace, without leaving it",
			"working_directory %q is not in the workspace", configured)
	}
	return path.Clean(directory), nil
}
