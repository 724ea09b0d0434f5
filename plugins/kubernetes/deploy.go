package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/deploy"
	"github.com/patchbay-ci/patchbay/sdk"
)

// deployActions are those that bring something into a cluster which stays there, and
// those that say beforehand what a step would bring there.
func deployActions(d *deploy.Deployer) []sdk.Action {
	return append(d.Actions(), deploy.RenderAction(d, jobObjects), deploy.ValidateAction(d, jobObjects))
}

// PlanStep implements sdk.Planner.
func (c *connector) PlanStep(ctx context.Context, r sdk.PlanRequest) (sdk.Plan, error) {
	problems, err := c.CheckConfig(sdk.ValidateRequest{Action: r.Step.Action, Config: r.Step.Config})
	if err != nil {
		return sdk.Plan{}, err
	}
	for _, p := range problems {
		if p.Severity == sdk.SeverityError {
			return sdk.Plan{}, &sdk.Error{Class: sdk.ClassInvalidConfig, Message: p.Message, Suggestion: p.Suggestion, Pointer: p.Pointer}
		}
	}
	return deploy.Plan(ctx, r.Step, jobObjects)
}

// jobObjects makes the objects of a step that runs as a Job: the Job, and what it would
// own. Owners are left out, since an owner's ID is known only when it is made.
func jobObjects(_ context.Context, step sdk.Step, c config) ([]*unstructured.Unstructured, error) {
	settings, err := readSettings()
	if err != nil {
		return nil, &sdk.Error{Class: sdk.ClassExternalService, Message: err.Error()}
	}
	if c.Workspace == "" {
		c.Workspace = workspaceCopy
	}
	plan, err := planPod(sdk.Request[config]{RunRequest: sdk.RunRequest{Step: step}, Config: c}, settings)
	if err != nil {
		return nil, err
	}
	job := plan.job(time.Now(), "render")
	job.TypeMeta = metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
	made := []metav1.Object{job}
	secret := metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}
	if data := plan.secretData(); len(data) > 0 {
		made = append(made, &corev1.Secret{TypeMeta: secret, ObjectMeta: plan.meta(plan.name), Data: data})
	}
	if c.RegistryAuth != nil {
		data, err := plan.registrySecretData()
		if err != nil {
			return nil, err
		}
		made = append(made, &corev1.Secret{TypeMeta: secret, ObjectMeta: plan.meta(plan.registrySecret()), Data: data, Type: corev1.SecretTypeDockerConfigJson})
	}
	if c.Parameters.UsePVC {
		claim := plan.claim(job)
		claim.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}
		made = append(made, claim)
	}
	objects := make([]*unstructured.Unstructured, len(made))
	for i, object := range made {
		object.SetOwnerReferences(nil)
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return nil, fmt.Errorf("write the manifest: %w", err)
		}
		delete(fields, "status")
		objects[i] = &unstructured.Unstructured{Object: fields}
	}
	return objects, nil
}
