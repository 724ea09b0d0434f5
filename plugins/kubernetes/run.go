package main

import (
	"context"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// diagnosePause is how often a pod that does not start is asked why.
const diagnosePause = time.Second

// stopSlack is how much longer than its grace a pod may take to stop: a node that is
// lost never says so.
const stopSlack = time.Minute

// run is one RunStep's look at the attempt's Job.
type run struct {
	client   *client
	request  sdk.Request[config]
	session  *sdk.Session
	plan     *podPlan
	settings settings
	owner    string
	state    savedState

	job *batchv1.Job
	pod *corev1.Pod // as it was last seen
	log *follower   // once the step has begun

	waitingSince time.Time // for what time may help
	said         string    // the last progress
}

// toTheEnd follows the pod until the step has ended, and returns how. When ctx is
// cancelled it stops the step; when ctx is detached it just leaves.
func (r *run) toTheEnd(ctx context.Context) (sdk.Result, error) {
	watching, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	defer func() {
		if r.log != nil {
			r.log.leave()
		}
	}()
	told := r.client.track(watching, r.request.Step.AttemptID)
	diagnose := time.NewTicker(diagnosePause)
	defer diagnose.Stop()
	for {
		var result *sdk.Result
		var err error
		select {
		case <-ctx.Done():
			grace, cancelled := sdk.CancelGrace(ctx)
			if !cancelled {
				return sdk.Result{}, context.Cause(ctx)
			}
			return r.stop(watching, told, grace)
		case n := <-told:
			if n.err != nil {
				return sdk.Result{}, n.err
			}
			result, err = r.see(ctx, n.pod)
		case <-diagnose.C:
			err = r.diagnose(ctx)
		}
		switch {
		case ctx.Err() != nil:
			continue // whatever failed, it is because of that
		case err != nil:
			return sdk.Result{}, err
		case result != nil:
			return *result, nil
		}
	}
}

// see does what the pod's state asks for, and returns the result when the step has
// ended.
func (r *run) see(ctx context.Context, pod *corev1.Pod) (*sdk.Result, error) {
	had := r.pod
	if r.pod = pod; pod == nil {
		if had != nil {
			return nil, r.gone(ctx, had)
		}
		return nil, nil // not yet, or not any more: see diagnose
	}
	if isRunning(pod, bringContainer) {
		if err := r.bringFiles(ctx); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{bringContainer, cloneContainer, filesContainer} {
		failed := endOf(pod, name)
		switch {
		case failed == nil, failed.ExitCode == 0, endOf(pod, stepContainer) != nil, pod.DeletionTimestamp != nil:
		case name == cloneContainer && hasLog(failed):
			return r.cloneFailed(ctx), nil
		default:
			return nil, r.helperFailed(name, failed)
		}
	}
	end := endOf(pod, stepContainer)
	if r.log == nil && (end != nil && hasLog(end) || isRunning(pod, stepContainer)) {
		r.log = r.follow(ctx)
	}
	switch {
	case takenAway(pod, end):
		if r.log != nil {
			r.log.drain()
		}
		return nil, r.gone(ctx, pod)
	case end != nil:
		result, err := r.finish(ctx, pod, end)
		return &result, err
	case isRunning(pod, stepContainer):
		r.waitingSince = time.Time{}
		return nil, nil
	}
	return nil, r.judge(troubleOf(pod))
}

// diagnose asks why there is no pod, or why it does not start.
func (r *run) diagnose(ctx context.Context) error {
	switch {
	case r.pod == nil:
		job := &batchv1.Job{}
		if err := r.client.get(ctx, jobs, r.plan.name, job); err == nil {
			r.job = job
		} else if isNotFound(err) {
			return lost(r.plan.name)
		}
		if failed := conditionOf(r.job, batchv1.JobFailed); failed != nil {
			return r.jobFailed(failed)
		}
		return r.judge(r.client.troubleWithout(ctx, r.job))
	case takenAway(r.pod, endOf(r.pod, stepContainer)):
		return r.gone(ctx, r.pod)
	case r.log != nil:
		if err := r.log.saveMark(); err != nil {
			return err
		}
		return r.log.hostError()
	case r.pod.Status.Phase == corev1.PodPending && !isRunning(r.pod, bringContainer) && !isRunning(r.pod, cloneContainer):
		found := troubleOf(r.pod)
		if found == nil {
			found = r.client.troubleWithVolumes(ctx, r.pod)
		} else if r.pod.Spec.NodeName == "" {
			r.client.explainUnscheduled(ctx, r.pod, found)
		}
		if found == nil {
			r.waitingSince = time.Time{}
			if event := r.client.lastEvent(ctx, string(r.pod.UID), "Pulling"); event != nil {
				return r.say("waiting: " + event.Message)
			}
		}
		return r.judge(found)
	}
	return nil
}

// judge bears what may pass for as long as the step allows, and says so; anything
// else is the end.
func (r *run) judge(found *trouble) error {
	if found == nil {
		return nil
	}
	if !found.patient {
		return found.err
	}
	if r.waitingSince.IsZero() {
		r.waitingSince = time.Now()
	}
	bearing := time.Duration(r.request.Config.ScheduleTimeout)
	switch {
	case bearing == 0 && found.making:
		bearing = makingTimeout
	case bearing == 0:
		bearing = scheduleTimeout
	}
	if time.Since(r.waitingSince) >= bearing {
		return found.err
	}
	return r.say("waiting: " + found.err.Message)
}

// say tells a progress, once.
func (r *run) say(progress string) error {
	if r.said == progress {
		return nil
	}
	r.said = progress
	return r.session.Progress(progress, -1)
}

// stop ends the step: with the signal its image wants, and by force when grace has
// passed. Kubernetes counts in whole seconds, and from one on.
func (r *run) stop(ctx context.Context, told <-chan news, grace time.Duration) (sdk.Result, error) {
	if r.pod == nil { // or it would be made yet
		return sdk.Cancelled(), r.client.destroy(ctx, r.request.Step.AttemptID, r.plan.name)
	}
	seconds := max(1, int64(grace/time.Second))
	if err := r.client.removePods(ctx, r.request.Step.AttemptID, seconds); err != nil {
		return sdk.Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, grace+stopSlack)
	defer cancel()
	if err := r.client.awaitStopped(ctx, r.request.Step.AttemptID, told); err != nil {
		return sdk.Result{}, err
	}
	if r.log != nil {
		r.log.drain()
	}
	return sdk.Cancelled(), nil
}
