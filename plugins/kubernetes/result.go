package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/patchbay-ci/patchbay/sdk"
)

// signalled is what is added to a signal's number to make an exit code.
const signalled = 128

// hasLog reports whether a container that has ended ever ran.
func hasLog(end *corev1.ContainerStateTerminated) bool { return end.Reason != startError }

// startError is what Kubernetes calls it when a container's program cannot be run.
const startError = "StartError"

// finish passes on what is left of the output, fetches the files, and says how the
// step ended.
func (r *run) finish(ctx context.Context, pod *corev1.Pod, end *corev1.ContainerStateTerminated) (sdk.Result, error) {
	if r.log != nil {
		err := r.log.finish(ctx)
		if sdk.ClassOf(err) == sdk.ClassNotFound {
			err = r.gone(ctx, pod)
		}
		if err != nil {
			return sdk.Result{}, err
		}
	}
	result := resultOf(end)
	result.Metadata = map[string]string{"job": r.plan.name, "namespace": pod.Namespace, "pod": pod.Name, "node": pod.Spec.NodeName,
		"started_at": end.StartedAt.UTC().Format("2006-01-02T15:04:05Z"), "finished_at": end.FinishedAt.UTC().Format("2006-01-02T15:04:05Z")}
	if status := statusOf(pod, stepContainer); status != nil && status.ImageID != "" {
		result.Metadata["image_id"] = status.ImageID
	}
	exchange := filepath.Join(r.request.Step.Workspace.AttemptPath, exchangeName)
	switch {
	case r.plan.volumes == workspaceNone:
		if err := keepTerminationMessage(exchange, end); err != nil {
			result.Outcome, result.Message = sdk.OutcomeFailed, err.Error()
			return result, nil
		}
	case r.plan.volumes == workspaceCopy:
		if err := r.fetchFiles(ctx, pod); err != nil {
			return sdk.Result{}, err
		}
	}
	return r.session.FinishWithOutputs(result, exchange)
}

// keepTerminationMessage makes what Kubernetes kept of the output file a file again.
func keepTerminationMessage(exchange string, end *corev1.ContainerStateTerminated) error {
	if end.Message == "" || !hasLog(end) {
		return nil
	}
	if len(end.Message) >= maxTerminationText {
		return fmt.Errorf("the step's outputs have more than %d bytes, which is all that Kubernetes keeps without a workspace; use workspace: copy", maxTerminationText)
	}
	if err := os.MkdirAll(exchange, 0o700); err != nil {
		return fmt.Errorf("keep the step's outputs: %w", err)
	}
	return os.WriteFile(sdk.OutputPath(exchange), []byte(end.Message), 0o600)
}

// resultOf says how the step's process ended. Kubernetes tells a death by signal as an
// exit code above 128, and so do shells: a signal is reported where the cause is known.
func resultOf(end *corev1.ContainerStateTerminated) sdk.Result {
	switch code := int(end.ExitCode); {
	case end.Reason == startError:
		result := sdk.Exited(127)
		if strings.Contains(end.Message, "permission denied") {
			result = sdk.Exited(126)
		}
		result.Message = "the container could not start: " + shortStart(end.Message)
		return result
	case end.Reason == "OOMKilled":
		result := sdk.Signalled("SIGKILL")
		result.Message = "killed for want of memory; raise resource_limits.memory, or use less"
		return result
	case code > signalled && signalNames[code-signalled] != "":
		result := sdk.Exited(code)
		result.Message = fmt.Sprintf("exit code %d (as after %s)", code, signalNames[code-signalled])
		return result
	default:
		return sdk.Exited(code)
	}
}

// shortStart leaves out the layers of the runtime's message.
func shortStart(message string) string {
	for _, layer := range []string{"unable to start container process: ", "error during container init: "} {
		if _, inner, found := strings.Cut(message, layer); found {
			message = strings.TrimSuffix(inner, ": unknown")
		}
	}
	return message
}

// signalNames are those of Linux, where containers live, whatever this is run on.
var signalNames = map[int]string{1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS",
	8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS"}

// silentNode is how long after its time a pod that is to end may be said to run: then
// its node is lost.
const silentNode = 30 * time.Second

// takenAway reports whether the pod ended and its step did not end by itself.
func takenAway(pod *corev1.Pod, end *corev1.ContainerStateTerminated) bool {
	switch {
	case pod.Status.Phase == corev1.PodFailed && (pod.Status.Reason != "" || end == nil):
		return true
	case end != nil && end.Reason == "ContainerStatusUnknown":
		return true
	case pod.DeletionTimestamp == nil:
		return false
	case end == nil:
		return !isRunning(pod, stepContainer) || time.Since(pod.DeletionTimestamp.Time) > silentNode
	}
	// What ended before it was asked to has ended by itself.
	var grace time.Duration
	if seconds := pod.DeletionGracePeriodSeconds; seconds != nil {
		grace = time.Duration(*seconds) * time.Second
	}
	return !end.FinishedAt.Time.Before(pod.DeletionTimestamp.Add(-grace))
}

// gone says why a pod ended, or is there no more, without its step having ended: it
// is not run again, since it may have done half of its work.
func (r *run) gone(ctx context.Context, pod *corev1.Pod) error {
	job := &batchv1.Job{}
	if err := r.client.get(ctx, jobs, r.plan.name, job); err == nil {
		for _, kind := range []batchv1.JobConditionType{batchv1.JobFailed, batchv1.JobFailureTarget} {
			if failed := conditionOf(job, kind); failed != nil && failed.Reason == batchv1.JobReasonDeadlineExceeded {
				return timedOut()
			}
		}
	}
	why := strings.TrimSpace(pod.Status.Message)
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.DisruptionTarget && condition.Status == corev1.ConditionTrue && why == "" {
			why = condition.Message
		}
	}
	switch {
	case pod.Status.Reason == "DeadlineExceeded":
		return timedOut()
	case pod.Status.Reason == "Evicted":
		return problem(sdk.ClassExternalService, "", "the node "+pod.Spec.NodeName+" evicted the pod: "+why,
			"use less of what ran short, or say with resource_requests how much the step needs")
	case why == "":
		why = "somebody or something removed it, or its node was lost"
	}
	return problem(sdk.ClassLost, "", "the step's pod "+pod.Name+" on the node "+pod.Spec.NodeName+" is gone: "+why,
		"see whether the step did half of its work, and run it again")
}

// jobFailed is about a Job that has ended and has no pod.
func (r *run) jobFailed(condition *batchv1.JobCondition) error {
	if condition.Reason == batchv1.JobReasonDeadlineExceeded {
		return timedOut()
	}
	return problem(sdk.ClassLost, "", "the step's pod is gone: "+condition.Message, "somebody or something removed it; run the step again")
}

func timedOut() error {
	return problem(sdk.ClassTimeout, "", "the cluster ended the step: its time was up, and the server had not stopped it", "")
}

// cloneFailed is the result of a step whose repository could not be had.
func (r *run) cloneFailed(ctx context.Context) *sdk.Result {
	repository := "the repository"
	if address, err := url.Parse(r.request.Config.RepositoryURL); err == nil {
		repository = address.Redacted()
	}
	result := sdk.Failed("cloning %s failed: %s", repository, r.lastWords(ctx, cloneContainer))
	return &result
}

// helperFailed is about a container beside the step that ended badly.
func (r *run) helperFailed(name string, end *corev1.ContainerStateTerminated) error {
	if name != cloneContainer && (end.ExitCode == 127 || end.Reason == startError) {
		return invalid("/helper_image", "name an image that has both in helper_image, or set workspace: none",
			"files cannot be copied: the image %s has no sh or no tar", r.plan.helperImage())
	}
	return problem(sdk.ClassExternalService, "", fmt.Sprintf("the container %s ended with exit code %d (%s)", name, end.ExitCode, end.Reason),
		"see the pod's events; does it have enough memory and disk?")
}

func conditionOf(job *batchv1.Job, kind batchv1.JobConditionType) *batchv1.JobCondition {
	for i, condition := range job.Status.Conditions {
		if condition.Type == kind && condition.Status == corev1.ConditionTrue {
			return &job.Status.Conditions[i]
		}
	}
	return nil
}

func isNotFound(err error) bool { return apierrors.IsNotFound(err) }
