package main

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// trouble is something that keeps a pod from starting.
type trouble struct {
	err *sdk.Error
	// patient is set when time may help: it is borne as long as the step allows.
	patient bool
	// making is set when the cluster is at work on it.
	making bool
}

func problem(class sdk.ErrorClass, pointer, message, suggestion string) *sdk.Error {
	return &sdk.Error{Class: class, Pointer: pointer, Message: message, Suggestion: suggestion}
}

// troubleOf says what a pod that has not started is waiting for in vain, or nil.
func troubleOf(pod *corev1.Pod) *trouble {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
			return &trouble{patient: true, err: problem(sdk.ClassExternalService, "", "no node takes the pod: "+condition.Message,
				"ask for less, correct node_selector or tolerations, or add nodes; schedule_timeout says how long to wait")}
		}
	}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			if waiting := list[i].State.Waiting; waiting != nil {
				if t := waitingTrouble(pod, &list[i], waiting); t != nil {
					return t
				}
			}
		}
	}
	return nil
}

func waitingTrouble(pod *corev1.Pod, status *corev1.ContainerStatus, waiting *corev1.ContainerStateWaiting) *trouble {
	image, message := imageOf(pod, status.Name), waiting.Message
	switch waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff":
		return imageTrouble(image, waiting)
	case "InvalidImageName":
		return &trouble{err: problem(sdk.ClassInvalidConfig, "/image", image+" is not the name of an image", "write it like alpine:3.20, in lower case")}
	case "ErrImageNeverPull":
		return &trouble{err: problem(sdk.ClassNotFound, "/image", "the node does not have the image "+image+", and image_pull_policy is Never",
			"put the image on the node, or let it be pulled")}
	case "CreateContainerConfigError":
		message, _, _ = strings.Cut(message, " (pod: ")
		if strings.Contains(message, "runAsNonRoot") {
			return &trouble{err: problem(sdk.ClassInvalidConfig, "/security_context/run_as_non_root", "the image "+image+" runs as root: "+message,
				"set run_as_user in security_context to the number of another user")}
		}
		return &trouble{err: problem(sdk.ClassInvalidConfig, "", "the container cannot be set up: "+message,
			"it asks for something that the namespace does not have, or that its image does not allow")}
	case "CreateContainerError", "RunContainerError":
		return &trouble{patient: true, err: problem(sdk.ClassExternalService, "", "the node cannot create the container: "+message, "")}
	}
	return nil
}

func imageOf(pod *corev1.Pod, container string) string {
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			if list[i].Name == container {
				return list[i].Image
			}
		}
	}
	return ""
}

// passingPulls are the marks of a registry that may do better the next time.
var passingPulls = []string{"timeout", "timed out", "tls handshake", "connection reset", "too many requests", "toomanyrequests",
	"service unavailable", "bad gateway", "internal server error", "unexpected eof", "temporary failure"}

// imageTrouble tells an image that is not there from a registry that has a bad day.
// The first word of a failed pull has the cause; what follows may not repeat it.
func imageTrouble(image string, waiting *corev1.ContainerStateWaiting) *trouble {
	lower := strings.ToLower(waiting.Message)
	has := func(marks ...string) bool {
		for _, mark := range marks {
			if strings.Contains(lower, mark) {
				return true
			}
		}
		return false
	}
	err := problem(sdk.ClassExternalService, "/image", "the image "+image+" cannot be pulled: "+shortPull(waiting.Message),
		"check its name, and that the node reaches the registry")
	switch {
	case has("unauthorized", "authentication required", "denied", "no basic auth"):
		err.Class, err.Suggestion = sdk.ClassAuthentication, "check its name, and give credentials with registry_auth or image_pull_secrets"
	case has("invalid reference format"):
		err.Class, err.Suggestion = sdk.ClassInvalidConfig, "write it like alpine:3.20, in lower case"
	case has("not found", "manifest unknown", "does not exist"):
		err.Class, err.Suggestion = sdk.ClassNotFound, "check its name and tag"
	}
	return &trouble{err: err, patient: has(passingPulls...)}
}

// shortPull leaves out the layers that say the same again.
func shortPull(message string) string {
	const back = "Back-off pulling image "
	if _, cause, found := strings.Cut(message, "ErrImagePull: "); found {
		message = cause
	} else if strings.HasPrefix(message, back) {
		return "the registry did not give it out"
	}
	if _, cause, found := strings.Cut(message, "desc = "); found {
		message = cause
	}
	return message
}
