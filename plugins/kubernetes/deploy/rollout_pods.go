package deploy

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// How much of a crashed container's log is shown.
const (
	logLines = 10
	logBytes = 4 << 10
)

const revisionAnnotation = "deployment.kubernetes.io/revision"

// podsOf returns the pods of an object's newest revision, and why some cannot be made.
func (w *rollout) podsOf(ctx context.Context, o *unstructured.Unstructured) (pods []corev1.Pod, unmade string) {
	switch o.GetKind() {
	case "Pod":
		pod, err := w.typed.CoreV1().Pods(o.GetNamespace()).Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return nil, ""
		}
		return []corev1.Pod{*pod}, ""
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job":
	default:
		return nil, ""
	}
	selector, ok := selectorOf(o)
	if !ok {
		return nil, ""
	}
	maker := o.GetUID()
	switch o.GetKind() {
	case "Deployment":
		sets, err := w.typed.AppsV1().ReplicaSets(o.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return nil, ""
		}
		for i := range sets.Items {
			set := &sets.Items[i]
			if metav1.IsControlledBy(set, o) && set.Annotations[revisionAnnotation] == o.GetAnnotations()[revisionAnnotation] {
				maker = set.UID
				for _, c := range set.Status.Conditions {
					if c.Type == "ReplicaFailure" && c.Status == corev1.ConditionTrue {
						unmade = c.Message
					}
				}
			}
		}
	default:
		unmade = w.notMade(ctx, o)
	}
	list, err := w.typed.CoreV1().Pods(o.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 500})
	if err != nil {
		return nil, unmade
	}
	updated, _, _ := unstructured.NestedString(o.Object, "status", "updateRevision")
	for i := range list.Items {
		pod := &list.Items[i]
		owner := metav1.GetControllerOf(pod)
		hash := pod.Labels["controller-revision-hash"]
		if owner != nil && owner.UID == maker && pod.DeletionTimestamp == nil && (updated == "" || hash == "" || hash == updated) {
			pods = append(pods, *pod)
		}
	}
	return pods, unmade
}

// young is the age below which a container has just been started; the node's clock may
// differ somewhat from this one.
const young = 10 * time.Second

// hasJustStarted says whether a pod of the object has a container that is ready for no
// better reason than that it runs, and has not done so for long.
func (w *rollout) hasJustStarted(ctx context.Context, o *unstructured.Unstructured) bool {
	if o.GetKind() == "Job" {
		return false
	}
	pods, _ := w.podsOf(ctx, o)
	for i := range pods {
		probed := map[string]bool{}
		for _, c := range pods[i].Spec.Containers {
			probed[c.Name] = c.ReadinessProbe != nil
		}
		for _, c := range pods[i].Status.ContainerStatuses {
			if !probed[c.Name] && (c.State.Running == nil || time.Since(c.State.Running.StartedAt.Time) < young) {
				return true
			}
		}
	}
	return false
}

// selectorOf is the part of an object's selector that names labels; who owns a pod is
// looked at besides.
func selectorOf(o *unstructured.Unstructured) (string, bool) {
	fields, found, err := unstructured.NestedMap(o.Object, "spec", "selector")
	if !found || err != nil {
		return "", false
	}
	selector := &metav1.LabelSelector{}
	match, _, _ := unstructured.NestedStringMap(fields, "matchLabels")
	selector.MatchLabels = match
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || parsed.Empty() {
		return "", false
	}
	return labels.Selector.String(parsed), true
}

// notMade is the last warning about pods that a controller could not make: quota, a
// policy, a missing service account. Only events tell, except for a Deployment's.
func (w *rollout) notMade(ctx context.Context, o *unstructured.Unstructured) string {
	ready, _, _ := unstructured.NestedInt64(o.Object, "status", "active")
	if ready > 0 {
		return ""
	}
	selector := fields.Set{"involvedObject.uid": string(o.GetUID()), "reason": "FailedCreate"}.String()
	events, err := w.typed.CoreV1().Events(o.GetNamespace()).List(ctx, metav1.ListOptions{FieldSelector: selector, Limit: 50})
	if err != nil || len(events.Items) == 0 {
		return ""
	}
	return events.Items[len(events.Items)-1].Message
}

// podTroubles are what is wrong with one pod.
func (w *rollout) podTroubles(ctx context.Context, pod *corev1.Pod) []*problem {
	var found []*problem
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			found = append(found, &problem{id: "schedule", text: fmt.Sprintf("pod %s cannot be scheduled: %s", pod.Name, c.Message)})
		}
	}
	if pod.Status.Phase == corev1.PodFailed && pod.Status.Reason != "" {
		found = append(found, &problem{id: "pod", text: fmt.Sprintf("pod %s: %s: %s", pod.Name, pod.Status.Reason, pod.Status.Message)})
	}
	statuses := append(append([]corev1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...)
	for i := range statuses {
		if p := w.containerTrouble(ctx, pod, &statuses[i]); p != nil {
			found = append(found, p)
		}
	}
	return found
}

func (w *rollout) containerTrouble(ctx context.Context, pod *corev1.Pod, c *corev1.ContainerStatus) *problem {
	name := fmt.Sprintf("container %s of pod %s", c.Name, pod.Name)
	if waits := c.State.Waiting; waits != nil {
		switch waits.Reason {
		case "ErrImageNeverPull", "InvalidImageName":
			return &problem{id: "image " + c.Name, hopeless: true, text: fmt.Sprintf("%s: %s: %s", name, waits.Reason, imageText(c.Image, waits.Message))}
		case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError":
			return &problem{id: "image " + c.Name, text: fmt.Sprintf("%s: its image cannot be pulled: %s", name, imageText(c.Image, waits.Message))}
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			return &problem{id: "config " + c.Name, text: fmt.Sprintf("%s: %s: %s", name, waits.Reason, waits.Message)}
		}
	}
	ended := c.State.Terminated
	if ended == nil && c.State.Waiting != nil && c.RestartCount > 0 {
		ended = c.LastTerminationState.Terminated
	}
	if ended == nil || ended.ExitCode == 0 && c.State.Waiting == nil {
		return nil
	}
	if ended.ExitCode == 0 && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		return nil
	}
	text := fmt.Sprintf("%s ended with exit code %d", name, ended.ExitCode)
	if ended.Reason != "" && ended.Reason != "Error" && ended.Reason != "Completed" {
		text += " (" + ended.Reason + ")"
	}
	if c.RestartCount > 0 {
		text += fmt.Sprintf(", restarted %d times", c.RestartCount)
	}
	return &problem{id: "crash " + c.Name, text: text, lines: w.lastWords(ctx, pod, c)}
}

func imageText(image, message string) string {
	if strings.Contains(message, image) {
		return message
	}
	return strings.TrimSuffix(image+": "+message, ": ")
}

// lastWords are the end of what a container that has ended said.
func (w *rollout) lastWords(ctx context.Context, pod *corev1.Pod, c *corev1.ContainerStatus) []string {
	lines, limit := int64(logLines), int64(logBytes)
	options := &corev1.PodLogOptions{Container: c.Name, TailLines: &lines, LimitBytes: &limit, Previous: c.State.Terminated == nil}
	stream, err := w.typed.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return nil
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, logBytes))
	if err != nil || len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(strings.ToValidUTF8(string(text), "�"), "\n"), "\n")
}
