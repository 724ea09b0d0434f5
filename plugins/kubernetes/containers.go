package main

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// step is the container that the step is about.
func (p *podPlan) step() corev1.Container {
	c := p.request.Config
	container := p.container(stepContainer, c.Image)
	container.Command = literals(p.commandLine())
	container.Env = p.stepEnvironment()
	container.WorkingDir = p.directory
	container.Resources = corev1.ResourceRequirements{Requests: c.Parameters.ResourceRequests.list(), Limits: c.Parameters.ResourceLimits.list()}
	container.TerminationMessagePath = terminationLog
	return container
}

// commandLine is what takes the place of the image's entrypoint; nil means that
// itself.
func (p *podPlan) commandLine() []string {
	c := p.request.Config
	switch {
	case c.Script != "":
		return []string{"sh", "-e", "-c", string(c.Script)}
	case len(c.Command.list) > 0:
		var line []string
		for _, word := range c.Command.list {
			line = append(line, inPod(p.request.Step.Workspace.Path, word))
		}
		return line
	case c.Command.given():
		return []string{"sh", "-c", c.Command.text}
	}
	return nil
}

// container is what all containers have in common.
func (p *podPlan) container(name, image string) corev1.Container {
	return corev1.Container{Name: name, Image: image, ImagePullPolicy: corev1.PullPolicy(p.request.Config.ImagePullPolicy),
		VolumeMounts: p.mounts(), SecurityContext: p.containerSecurity()}
}

// helper is a container that waits until a file of that name is in the exchange
// folder. Meanwhile files are copied by commands that are run in it.
func (p *podPlan) helper(name, file string) corev1.Container {
	container := p.container(name, p.helperImage())
	container.Command = []string{"sh", "-c",
		"trap 'exit 0' TERM; command -v tar >/dev/null || exit 127; while [ ! -e " + exchangePoint + "/" + file + " ]; do sleep 0.2 2>/dev/null || sleep 1; done"}
	container.Resources = p.smallResources()
	return container
}

func (p *podPlan) helperImage() string {
	for _, image := range []string{p.request.Config.HelperImage, p.settings.helperImage} {
		if image != "" {
			return image
		}
	}
	return p.request.Config.Image
}

// tokenVariable has the token for cloning.
const tokenVariable = "PATCHBAY_REPOSITORY_TOKEN"

// cloneScript works in a folder that has files already, too. A server need not give
// out a commit by its hash; then all that is reachable is fetched.
const cloneScript = `git init -q .
git remote remove origin 2>/dev/null || :
git remote add origin "$PATCHBAY_REPOSITORY"
if [ -n "$PATCHBAY_COMMIT" ]; then
  git fetch -q --depth 1 origin "$PATCHBAY_COMMIT" || git fetch -q origin
  git checkout -q -f --detach "$PATCHBAY_COMMIT"
else
  git fetch -q --depth 1 origin "${PATCHBAY_BRANCH:-HEAD}"
  git checkout -q -f --detach FETCH_HEAD
fi`

// clone is the init container that gets a repository. What it is told comes by
// variables: nothing of it can become an option or a command.
func (p *podPlan) clone() corev1.Container {
	c := p.request.Config
	container := p.container(cloneContainer, p.settings.cloneImage)
	container.Command = []string{"sh", "-e", "-c", literal(cloneScript)}
	container.WorkingDir = mountPoint
	container.Resources = p.smallResources()
	settings := [][2]string{{"safe.directory", "*"}, {"advice.detachedHead", "false"}}
	if c.RepositoryToken != "" {
		settings = append(settings, [2]string{"credential.helper",
			`!f() { echo username=x-access-token; echo "password=$` + tokenVariable + `"; }; f`})
		container.Env = append(container.Env, p.secretVariable(tokenVariable, c.RepositoryToken))
	}
	variables := [][2]string{{"HOME", "/tmp"}, {"GIT_TERMINAL_PROMPT", "0"}, {"PATCHBAY_REPOSITORY", c.RepositoryURL},
		{"PATCHBAY_BRANCH", c.Branch}, {"PATCHBAY_COMMIT", c.Commit}, {"GIT_CONFIG_COUNT", string(rune('0' + len(settings)))}}
	for i, setting := range settings {
		number := string(rune('0' + i))
		variables = append(variables, [2]string{"GIT_CONFIG_KEY_" + number, setting[0]}, [2]string{"GIT_CONFIG_VALUE_" + number, setting[1]})
	}
	for _, variable := range variables {
		container.Env = append(container.Env, corev1.EnvVar{Name: variable[0], Value: literal(variable[1])})
	}
	return container
}

// smallResources are those of the containers beside the step. They say what they need
// when the step does: a quota wants it of all containers or of none.
func (p *podPlan) smallResources() corev1.ResourceRequirements {
	var small corev1.ResourceRequirements
	parameters := p.request.Config.Parameters
	for name := range parameters.ResourceRequests.list() {
		small.Requests = with(small.Requests, name, map[corev1.ResourceName]string{"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "32Mi"}[name])
	}
	for name := range parameters.ResourceLimits.list() {
		small.Limits = with(small.Limits, name, map[corev1.ResourceName]string{"cpu": "1", "memory": "256Mi", "ephemeral-storage": "1Gi"}[name])
	}
	// A request that is not given would be the limit.
	if _, limited := small.Limits[corev1.ResourceCPU]; limited {
		small.Requests = with(small.Requests, corev1.ResourceCPU, "10m")
	}
	return small
}

func with(list corev1.ResourceList, name corev1.ResourceName, amount string) corev1.ResourceList {
	if list == nil {
		list = corev1.ResourceList{}
	}
	list[name] = resource.MustParse(amount)
	return list
}

// list has been checked: see CheckConfig.
func (a amounts) list() corev1.ResourceList {
	var list corev1.ResourceList
	for name, amount := range map[corev1.ResourceName]quantity{corev1.ResourceCPU: a.CPU, corev1.ResourceMemory: a.Memory,
		corev1.ResourceEphemeralStorage: a.EphemeralStorage} {
		if amount != "" {
			list = with(list, name, string(amount))
		}
	}
	return list
}
