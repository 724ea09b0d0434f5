package main

import (
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// What a pod's workspace is, besides workspaceCopy and workspaceNone.
const workspaceHost = "host"

// The volumes of a pod.
const (
	workspaceVolume = "workspace"
	exchangeVolume  = "exchange"
	temporaryVolume = "tmp"
)

// podPlan is what a step's pod is to be.
type podPlan struct {
	request  sdk.Request[config]
	settings settings
	name     string // of the Job and all that belongs to it
	// volumes is workspaceCopy, workspaceNone or workspaceHost.
	volumes string
	// bring is set when there are files to be copied in.
	bring     bool
	directory string
}

// planPod refuses what the operator does not allow.
func planPod(r sdk.Request[config], s settings) (*podPlan, error) {
	directory, err := workingDirectory(r.Step.Workspace.Path, r.Config.WorkingDirectory)
	if err != nil {
		return nil, err
	}
	p := &podPlan{request: r, settings: s, name: jobName(r.Step.AttemptID), volumes: workspaceCopy, directory: directory}
	switch {
	case r.Config.Parameters.UseHostPath && s.hostNode == "":
		return nil, invalid("/parameters/use_hostpath", "remove it, or have the operator set "+hostNodeSetting+" to the name of the node that the server runs on",
			"the server does not let pods have its folders")
	case r.Config.Parameters.UseHostPath:
		p.volumes = workspaceHost
	case r.Config.Workspace == workspaceNone, r.Step.Workspace.Path == "":
		p.volumes = workspaceNone
	default:
		p.bring = !empty(r.Step.Workspace.Path)
	}
	return p, nil
}

// empty reports whether a folder has nothing in it.
func empty(folder string) bool {
	file, err := os.Open(folder)
	if err != nil {
		return true
	}
	defer file.Close()
	names, _ := file.Readdirnames(1)
	return len(names) == 0
}

// spec is the pod's specification. A pod has one try: what became of it is told, and
// it is for the pipeline to say whether to run it again.
func (p *podPlan) spec() corev1.PodSpec {
	c, no := p.request.Config, false
	token := c.Parameters.ServiceAccount != ""
	spec := corev1.PodSpec{
		RestartPolicy:                corev1.RestartPolicyNever,
		ServiceAccountName:           c.Parameters.ServiceAccount,
		AutomountServiceAccountToken: &token,
		EnableServiceLinks:           &no,
		NodeSelector:                 c.NodeSelector,
		SecurityContext:              p.podSecurity(),
		Volumes:                      p.podVolumes(),
		Containers:                   []corev1.Container{p.step()},
	}
	if p.bring {
		spec.InitContainers = append(spec.InitContainers, p.helper(bringContainer, "in"))
	}
	if c.RepositoryURL != "" {
		spec.InitContainers = append(spec.InitContainers, p.clone())
	}
	if p.volumes == workspaceCopy {
		// The first, so that an image it cannot work with shows before the step begins.
		spec.Containers = []corev1.Container{p.helper(filesContainer, "out"), p.step()}
	}
	if p.volumes == workspaceHost {
		spec.Affinity = onNode(p.settings.hostNode)
	}
	for _, name := range c.ImagePullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	if c.RegistryAuth != nil {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: p.registrySecret()})
	}
	for _, t := range c.Tolerations {
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{Key: t.Key, Operator: corev1.TolerationOperator(t.Operator),
			Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
	}
	return spec
}

// onNode has the scheduler choose that node; it still looks whether there is room.
func onNode(name string) *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
			{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{name}}}}}}}}
}

func (p *podPlan) podVolumes() []corev1.Volume {
	workspace := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	exchange := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	if p.request.Config.Parameters.UsePVC {
		workspace = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: p.name}}
	}
	if p.volumes == workspaceHost {
		kind := corev1.HostPathDirectory
		workspace = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: p.request.Step.Workspace.Path, Type: &kind}}
		exchange = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{
			Path: filepath.Join(p.request.Step.Workspace.AttemptPath, exchangeName), Type: &kind}}
	}
	volumes := []corev1.Volume{{Name: workspaceVolume, VolumeSource: workspace}}
	if p.volumes != workspaceNone {
		volumes = append(volumes, corev1.Volume{Name: exchangeVolume, VolumeSource: exchange})
	}
	if p.request.Config.SecurityContext.ReadOnlyRoot {
		volumes = append(volumes, corev1.Volume{Name: temporaryVolume,
			VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	}
	return volumes
}

// mounts are those of every container.
func (p *podPlan) mounts() []corev1.VolumeMount {
	mounts := []corev1.VolumeMount{{Name: workspaceVolume, MountPath: mountPoint}}
	if p.volumes != workspaceNone {
		mounts = append(mounts, corev1.VolumeMount{Name: exchangeVolume, MountPath: exchangePoint})
	}
	if p.request.Config.SecurityContext.ReadOnlyRoot {
		mounts = append(mounts, corev1.VolumeMount{Name: temporaryVolume, MountPath: "/tmp"})
	}
	return mounts
}
