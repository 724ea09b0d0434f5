package main

import (
	"context"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// troubleWithout says why a Job has no pod yet, or nil when nothing is known to be
// wrong. The cluster tells that in events only.
func (c *client) troubleWithout(ctx context.Context, job *batchv1.Job) *trouble {
	event := c.lastEvent(ctx, string(job.UID), "FailedCreate")
	if event == nil {
		return nil
	}
	message := event.Message
	if _, cause, found := strings.Cut(message, "Error creating: "); found {
		message = cause
	}
	account := job.Spec.Template.Spec.ServiceAccountName
	switch {
	case strings.Contains(message, "exceeded quota"):
		return &trouble{patient: true, err: problem(sdk.ClassExternalService, "", "the namespace's quota has no room for the pod: "+message,
			"wait until others have ended, ask for less, or have the quota raised; schedule_timeout says how long to wait")}
	case strings.Contains(message, "serviceaccount") && strings.Contains(message, "not found"):
		return &trouble{err: problem(sdk.ClassNotFound, "/parameters/service_account", "there is no service account "+account+" in the namespace "+c.Namespace,
			"create it, or correct service_account")}
	case strings.Contains(message, "violates PodSecurity"):
		return &trouble{err: problem(sdk.ClassInvalidConfig, "/security_context", "the namespace does not allow such a pod: "+message,
			"set run_as_non_root: true and a run_as_user in security_context, or use another namespace")}
	}
	return &trouble{err: problem(sdk.ClassExternalService, "", "the cluster does not create the pod: "+message, "")}
}

// explainUnscheduled adds what the scheduler does not say of a pod that no node takes:
// that a node is being made for it, or what is the matter with its volume.
func (c *client) explainUnscheduled(ctx context.Context, pod *corev1.Pod, found *trouble) {
	for _, reason := range []string{"TriggeredScaleUp", "Nominated"} { // of the cluster autoscaler and of Karpenter
		if c.lastEvent(ctx, string(pod.UID), reason) != nil {
			found.making = true
		}
	}
	if !strings.Contains(found.err.Message, "PersistentVolumeClaim") {
		return
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			c.explainClaim(ctx, volume.PersistentVolumeClaim.ClaimName, found)
		}
	}
}

func (c *client) explainClaim(ctx context.Context, name string, found *trouble) {
	about := "involvedObject.kind=PersistentVolumeClaim,involvedObject.name=" + name + ",reason="
	for _, reason := range []string{"FailedBinding", "ProvisioningFailed"} {
		if event := c.lastOf(ctx, about+reason); event != nil {
			found.err = problem(sdk.ClassExternalService, "/parameters/storage_class", "the claim for the workspace gets no volume: "+event.Message,
				"name a storage_class that makes volumes, or do without use_pvc")
			return
		}
	}
	for _, reason := range []string{"Provisioning", "ExternalProvisioning"} {
		found.making = found.making || c.lastOf(ctx, about+reason) != nil
	}
}

// troubleWithVolumes says what keeps a pod's volumes from being mounted, or nil.
func (c *client) troubleWithVolumes(ctx context.Context, pod *corev1.Pod) *trouble {
	for _, reason := range []string{"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"} {
		if event := c.lastEvent(ctx, string(pod.UID), reason); event != nil {
			what := "the pod's volumes cannot be mounted: "
			if reason == "FailedCreatePodSandBox" {
				what = "the node cannot set up the pod: "
			}
			return &trouble{patient: true, err: problem(sdk.ClassExternalService, "", what+event.Message, "")}
		}
	}
	return nil
}

// lastEvent returns the latest event about an object for that reason. Not to get
// any is no trouble: they are only about why.
func (c *client) lastEvent(ctx context.Context, uid, reason string) *corev1.Event {
	return c.lastOf(ctx, "involvedObject.uid="+uid+",reason="+reason)
}

func (c *client) lastOf(ctx context.Context, selector string) *corev1.Event {
	list := &corev1.EventList{}
	err := c.list(ctx, events, metav1.ListOptions{FieldSelector: selector}, list)
	if err != nil {
		return nil
	}
	var last *corev1.Event
	for i := range list.Items {
		if last == nil || last.LastTimestamp.Before(&list.Items[i].LastTimestamp) {
			last = &list.Items[i]
		}
	}
	return last
}
