package main

import (
	"context"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

const (
	// awayAtFirst is how long a cluster may be silent before a step gives up that has
	// nothing in it yet, and awayLater what one bears that runs there.
	awayAtFirst = 20 * time.Second
	awayLater   = 5 * time.Minute
)

const (
	shortPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

// patiently makes a request until it is answered, or has failed for so long that there
// is no sense in going on.
func (c *client) patiently(ctx context.Context, what string, away time.Duration, request func(context.Context) error) error {
	began := time.Now()
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		err := request(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil, !cluster.Passing(err), time.Since(began) > away:
			return c.Explain(what, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// begin returns the attempt's Job, which it makes if it never was. Whoever comes
// second, in this process or another, finds the name taken, and joins.
func (r *run) begin(ctx context.Context) (*batchv1.Job, error) {
	joining := r.state.UID != ""
	if !joining {
		r.state.Job, r.state.Namespace, r.state.Context = r.plan.name, r.client.Namespace, r.client.Context
		r.state.OwnKubeconfig = r.request.Config.Kubeconfig != ""
		if err := r.state.save(r.session); err != nil {
			return nil, err
		}
	}
	job, err := r.findOrCreate(ctx, joining)
	if err != nil {
		return nil, err
	}
	if r.state.UID = string(job.UID); !joining {
		if err := r.state.save(r.session); err != nil {
			return nil, err
		}
	}
	if job.Spec.Suspend != nil && *job.Spec.Suspend {
		return r.release(ctx, job)
	}
	return job, nil
}

func (r *run) findOrCreate(ctx context.Context, joining bool) (*batchv1.Job, error) {
	job, away := &batchv1.Job{}, awayAtFirst
	if joining {
		away = awayLater
	}
	err := r.client.patiently(ctx, "create the Job", away, func(ctx context.Context) error {
		if !joining {
			// Not to be broken off half-way: the cluster might make it after all.
			ctx, cancel := detached(ctx)
			defer cancel()
			err := r.client.create(ctx, jobs, r.plan.job(time.Now(), r.owner), job)
			if !apierrors.IsAlreadyExists(err) {
				return err
			}
		}
		return r.client.get(ctx, jobs, r.plan.name, job)
	})
	if sdk.ClassOf(err) == sdk.ClassNotFound && joining {
		return nil, lost(r.plan.name)
	}
	if err != nil {
		return nil, err
	}
	if job.Annotations[annotationAttempt] != r.request.Step.AttemptID {
		return nil, sdk.Errorf(sdk.ClassExternalService, "a Job named %s exists in the namespace %s that is not this step's", job.Name, job.Namespace)
	}
	if joining && string(job.UID) != r.state.UID {
		return nil, lost(r.plan.name)
	}
	return job, nil
}

// release makes what the Job owns, and lets it begin.
func (r *run) release(ctx context.Context, job *batchv1.Job) (*batchv1.Job, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	for _, b := range []struct {
		resource string
		wanted   bool
		make     func() (runtime.Object, error)
	}{
		{secrets, len(r.plan.secretData()) > 0, func() (runtime.Object, error) {
			return &corev1.Secret{ObjectMeta: r.plan.belonging(r.plan.name, job), Data: r.plan.secretData()}, nil
		}},
		{secrets, r.request.Config.RegistryAuth != nil, func() (runtime.Object, error) {
			data, err := r.plan.registrySecretData()
			return &corev1.Secret{ObjectMeta: r.plan.belonging(r.plan.registrySecret(), job), Type: corev1.SecretTypeDockerConfigJson, Data: data}, err
		}},
		{claims, r.request.Config.Parameters.UsePVC, func() (runtime.Object, error) { return r.plan.claim(job), nil }},
	} {
		if !b.wanted {
			continue
		}
		object, err := b.make()
		if err != nil {
			return nil, err
		}
		err = r.client.patiently(ctx, "create what the Job needs", awayAtFirst, func(ctx context.Context) error {
			err := r.client.create(ctx, b.resource, object, object.DeepCopyObject())
			if apierrors.IsAlreadyExists(err) {
				return nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	released := &batchv1.Job{}
	return released, r.client.patiently(ctx, "start the Job", awayAtFirst, func(ctx context.Context) error {
		return r.client.patch(ctx, jobs, job.Name, `{"spec":{"suspend":false}}`, released)
	})
}

// lost is the error of an attempt whose Job or pod was there and is not any more.
func lost(name string) error {
	return &sdk.Error{Class: sdk.ClassLost, Message: "the step's Job " + name + " is gone",
		Suggestion: "somebody or something removed it (kubectl delete, a clean-up of the namespace); run the step again"}
}
