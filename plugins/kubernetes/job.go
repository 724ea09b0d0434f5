package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// keptFor is how long a Job that has ended stays when nobody comes for it: the
	// cluster removes it then, and what belongs to it.
	keptFor = 24 * time.Hour
	// deadlineSlack is what the host has to stop the step itself when its time is up.
	deadlineSlack = 5 * time.Minute
)

const defaultStorageSize = "10Gi"

// job is the attempt's Job. It begins suspended when something has to be made that
// it owns, and so cannot be made before it.
func (p *podPlan) job(now time.Time, owner string) *batchv1.Job {
	one, none, kept := int32(1), int32(0), int32(keptFor/time.Second)
	job := &batchv1.Job{ObjectMeta: p.meta(p.name), Spec: batchv1.JobSpec{
		Parallelism: &one, Completions: &one, BackoffLimit: &none, TTLSecondsAfterFinished: &kept,
		Template: corev1.PodTemplateSpec{ObjectMeta: p.meta(""), Spec: p.spec()},
	}}
	job.Labels[labelOwner] = owner
	job.Annotations[annotationFolder] = p.request.Step.Workspace.AttemptPath
	if deadline := p.request.Deadline; !deadline.IsZero() {
		seconds := max(1, int64((deadline.Sub(now)+deadlineSlack)/time.Second))
		job.Spec.ActiveDeadlineSeconds = &seconds
	}
	if p.hasBelongings() {
		suspended := true
		job.Spec.Suspend = &suspended
	}
	return job
}

// meta labels an object as the attempt's.
func (p *podPlan) meta(name string) metav1.ObjectMeta {
	labels, annotations := map[string]string{}, map[string]string{}
	maps.Copy(labels, p.request.Config.Labels)
	maps.Copy(annotations, p.request.Config.Annotations)
	labels[labelManagedBy], labels[labelConnector] = "patchbay", "kubernetes"
	labels[labelAttempt] = attemptLabel(p.request.Step.AttemptID)
	annotations[annotationAttempt] = p.request.Step.AttemptID
	return metav1.ObjectMeta{Name: name, Labels: labels, Annotations: annotations}
}

// belonging is something that the Job owns: it goes with it.
func (p *podPlan) belonging(name string, job *batchv1.Job) metav1.ObjectMeta {
	meta := p.meta(name)
	meta.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))}
	return meta
}

func (p *podPlan) hasBelongings() bool {
	return len(p.secretData()) > 0 || p.request.Config.RegistryAuth != nil || p.request.Config.Parameters.UsePVC
}

// secretData is what the attempt's Secret holds: the step's secrets.
func (p *podPlan) secretData() map[string][]byte {
	data := map[string][]byte{}
	for name, value := range p.request.Step.Secrets {
		if p.isSecret(name) {
			data[name] = []byte(value)
		}
	}
	return data
}

// checkSecrets sees that the step has the secrets that its config names.
func (p *podPlan) checkSecrets() error {
	c := p.request.Config
	named := map[string]string{"/repository_token": c.RepositoryToken}
	if c.RegistryAuth != nil {
		named["/registry_auth/password"] = c.RegistryAuth.Password
	}
	for pointer, name := range named {
		if _, given := p.request.Step.Secrets[name]; name != "" && !given {
			return invalid(pointer, "add "+name+" to the step's secrets:, and store it in the server", "the step has no secret %s", name)
		}
	}
	return nil
}

func (p *podPlan) registrySecret() string { return p.name + "-registry" }

// registrySecretData is what kubectl create secret docker-registry makes.
func (p *podPlan) registrySecretData() (map[string][]byte, error) {
	auth := p.request.Config.RegistryAuth
	password := p.request.Step.Secrets[auth.Password]
	data, err := json.Marshal(map[string]any{"auths": map[string]any{auth.Server: map[string]string{
		"username": auth.Username, "password": password,
		"auth": base64.StdEncoding.EncodeToString([]byte(auth.Username + ":" + password))}}})
	if err != nil {
		return nil, fmt.Errorf("write the registry's credentials: %w", err)
	}
	return map[string][]byte{corev1.DockerConfigJsonKey: data}, nil
}

func (p *podPlan) claim(job *batchv1.Job) *corev1.PersistentVolumeClaim {
	parameters := p.request.Config.Parameters
	size := parameters.StorageSize
	if size == "" {
		size = defaultStorageSize
	}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: p.belonging(p.name, job), Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(string(size))}}}}
	if parameters.StorageClass != "" {
		claim.Spec.StorageClassName = &parameters.StorageClass
	}
	return claim
}
