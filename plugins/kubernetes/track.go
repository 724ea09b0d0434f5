package main

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// watchTime is how long one watch lasts; then the pod is looked at anew.
const watchTime = 5 * time.Minute

// news is the latest that is known of a pod.
type news struct {
	pod *corev1.Pod // nil when there is none
	err error       // why nothing more will come
}

// track tells of the attempt's pod whenever something about it changes, until ctx is
// done. Of several changes only the last one is told. A cluster that is silent for a
// while, or starts anew, is asked again.
func (c *client) track(ctx context.Context, attemptID string) <-chan news {
	told := make(chan news, 1)
	tell := func(n news) {
		select {
		case <-told: // nobody has read that yet
		default:
		}
		told <- n
	}
	go func() {
		answered := time.Now()
		for pause := shortPause; ; pause = min(2*pause, longPause) {
			heard, err := c.look(ctx, attemptID, tell)
			if heard {
				answered, pause = time.Now(), shortPause
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil && (hopeless(err) || time.Since(answered) > awayLater) {
				tell(news{err: c.Explain("watch the step's pod", err)})
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}()
	return told
}

// hopeless reports whether asking again will not help.
func hopeless(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
}

// look lists the pod and then watches it. It reports whether the cluster answered.
func (c *client) look(ctx context.Context, attemptID string, tell func(news)) (bool, error) {
	seconds := int64(watchTime / time.Second)
	options := metav1.ListOptions{LabelSelector: ofAttempt(attemptID)}
	list := &corev1.PodList{}
	if err := c.list(ctx, pods, options, list); err != nil {
		return false, err
	}
	tell(news{pod: oldest(list.Items)})
	options.Watch, options.ResourceVersion, options.TimeoutSeconds = true, list.ResourceVersion, &seconds
	watching, err := c.core.Get().Namespace(c.Namespace).Resource(pods).VersionedParams(&options, c.codec).Watch(ctx)
	if err != nil {
		return true, err
	}
	defer watching.Stop()
	for event := range watching.ResultChan() {
		pod, isPod := event.Object.(*corev1.Pod)
		switch {
		case event.Type == watch.Error:
			return true, apierrors.FromObject(event.Object)
		case !isPod:
			return true, errors.New("the cluster sent something that is not a pod")
		case event.Type == watch.Deleted:
			return true, nil // what is there now is listed
		default:
			tell(news{pod: pod})
		}
	}
	return true, nil
}

func oldest(list []corev1.Pod) *corev1.Pod {
	var found *corev1.Pod
	for i := range list {
		if found == nil || list[i].CreationTimestamp.Before(&found.CreationTimestamp) {
			found = &list[i]
		}
	}
	return found
}

// statusOf returns the status of one of the pod's containers, or nil.
func statusOf(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// endOf returns how a container ended, or nil.
func endOf(pod *corev1.Pod, name string) *corev1.ContainerStateTerminated {
	if status := statusOf(pod, name); status != nil {
		return status.State.Terminated
	}
	return nil
}

func isRunning(pod *corev1.Pod, name string) bool {
	status := statusOf(pod, name)
	return status != nil && status.State.Running != nil
}
