package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// destroyTime bounds the removal of one attempt's things.
const destroyTime = 2 * time.Minute

// destroy leaves nothing of an attempt: no Job, pod, claim or Secret. Nothing there is
// no error.
func (c *connector) destroy(ctx context.Context, attempt sdk.AttemptRef) error {
	state, err := readState(attempt.State)
	if err != nil {
		return err
	}
	if state.Job == "" {
		return nil // RunStep saves its state before it makes anything
	}
	found, err := state.cluster(attempt.Workspace)
	if err != nil {
		return err
	}
	client, err := newClient(found)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, destroyTime)
	defer cancel()
	return client.destroy(ctx, attempt.AttemptID, state.Job)
}

// destroy removes the Job first, since it would not like to lose its pod; the cluster
// removes what the Job owns after it.
func (c *client) destroy(ctx context.Context, attemptID, job string) error {
	background := metav1.DeletePropagationBackground
	err := c.patiently(ctx, "remove the Job", awayAtFirst, func(ctx context.Context) error {
		err := c.remove(ctx, jobs, job, &metav1.DeleteOptions{PropagationPolicy: &background})
		if isNotFound(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := c.removePods(ctx, attemptID, 1); err != nil {
		return err
	}
	for _, resource := range []string{secrets, claims} {
		err := c.patiently(ctx, "remove what belongs to the Job", awayAtFirst, func(ctx context.Context) error {
			return c.removeAll(ctx, resource, attemptID)
		})
		if err != nil {
			return err
		}
	}
	return c.awaitGone(ctx, attemptID)
}

// removeAll removes what is labelled as the attempt's.
func (c *client) removeAll(ctx context.Context, resource, attemptID string) error {
	return c.group(resource).Delete().Namespace(c.Namespace).Resource(resource).
		VersionedParams(&metav1.ListOptions{LabelSelector: ofAttempt(attemptID)}, c.codec).Timeout(quickCall).Do(ctx).Error()
}

// removePods asks the attempt's pods to end within some seconds.
func (c *client) removePods(ctx context.Context, attemptID string, seconds int64) error {
	return c.patiently(ctx, "stop the step's pod", awayLater, func(ctx context.Context) error {
		return c.core.Delete().Namespace(c.Namespace).Resource(pods).VersionedParams(&metav1.ListOptions{LabelSelector: ofAttempt(attemptID)}, c.codec).
			Body(&metav1.DeleteOptions{GracePeriodSeconds: &seconds}).Timeout(quickCall).Do(ctx).Error()
	})
}

// awaitGone returns when the cluster has nothing of the attempt any more. A pod that
// was just being made for its Job may come late, so what is found is removed.
func (c *client) awaitGone(ctx context.Context, attemptID string) error {
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		left, alive := 0, false
		for _, resource := range []string{jobs, pods, claims} {
			list := &metav1.PartialObjectMetadataList{}
			err := c.patiently(ctx, "see whether the step's things are gone", awayAtFirst, func(ctx context.Context) error {
				return c.listMeta(ctx, resource, ofAttempt(attemptID), list)
			})
			if err != nil {
				return err
			}
			left += len(list.Items)
			for i := range list.Items {
				alive = alive || resource == pods && list.Items[i].DeletionTimestamp == nil
			}
		}
		if left == 0 {
			return nil
		}
		if alive {
			if err := c.removePods(ctx, attemptID, 1); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return c.Explain("remove what the step has in the cluster", context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// awaitStopped returns when nothing of the attempt's pod runs any more.
func (c *client) awaitStopped(ctx context.Context, attemptID string, told <-chan news) error {
	for {
		select {
		case <-ctx.Done():
			return sdk.Errorf(sdk.ClassExternalService, "the step's pod does not stop: its node does not answer: %w", context.Cause(ctx))
		case n := <-told:
			switch {
			case n.err != nil:
				return n.err
			case n.pod == nil, n.pod.Status.Phase == corev1.PodFailed, n.pod.Status.Phase == corev1.PodSucceeded:
				return nil
			case n.pod.DeletionTimestamp == nil:
				// It was made after the others had been asked to end.
				if err := c.removePods(ctx, attemptID, 1); err != nil {
					return err
				}
			}
		}
	}
}
