package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// RollbackConfig is what a rollback step may say.
type RollbackConfig struct {
	cluster.Access
	Resource string `json:"resource,omitempty" jsonschema_description:"What to roll back: deployment/web, statefulset/db or daemonset/agent"`
	Release  string `json:"release,omitempty" jsonschema_description:"The Helm release to roll back, in place of a resource"`
	Revision int64  `json:"revision,omitempty" jsonschema:"minimum=1" jsonschema_description:"The revision to go back to; the one before the newest unless given"`
	Waiting
}

// CheckConfig implements the check of a typed action.
func (c *RollbackConfig) CheckConfig() error {
	if (c.Resource == "") == (c.Release == "") {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/resource", Message: "a rollback needs a resource or a Helm release, one of them",
			Suggestion: "write resource: deployment/NAME, or release: NAME"}
	}
	if c.Resource != "" {
		_, _, err := c.named()
		return err
	}
	return nil
}

// revisionedKinds have revisions to go back to.
var revisionedKinds = map[string]string{
	"deployment": "Deployment", "deployments": "Deployment", "deploy": "Deployment", "deployment.apps": "Deployment",
	"statefulset": "StatefulSet", "statefulsets": "StatefulSet", "sts": "StatefulSet", "statefulset.apps": "StatefulSet",
	"daemonset": "DaemonSet", "daemonsets": "DaemonSet", "ds": "DaemonSet", "daemonset.apps": "DaemonSet",
}

func (c *RollbackConfig) named() (kind, name string, err error) {
	kind, name, both := strings.Cut(c.Resource, "/")
	kind = revisionedKinds[strings.ToLower(kind)]
	if !both || kind == "" || name == "" {
		return "", "", &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/resource", Message: fmt.Sprintf("%q is nothing that has revisions", c.Resource),
			Suggestion: "write deployment/NAME, statefulset/NAME or daemonset/NAME"}
	}
	return kind, name, nil
}

// revision is an earlier state of an object, kept by its controller under a name that
// stays. The number of one that is gone back to changes: it becomes the newest.
type revision struct {
	Number int64  `json:"number"`
	Name   string `json:"name"`
}

// rollback is the action.
func (d *Deployer) rollback(ctx context.Context, r sdk.Request[RollbackConfig], s *sdk.Session) (sdk.Result, error) {
	return d.performer.perform(ctx, r.RunRequest, s, func(ctx context.Context, out *journal) (sdk.Result, error) {
		c, err := open(r.Step, r.Config.Access)
		if err != nil {
			return sdk.Result{}, err
		}
		if r.Config.Release != "" {
			return c.helmRollback(ctx, out, r.Config)
		}
		result, err := c.rollBack(ctx, out, r.Config)
		if err != nil && ctx.Err() != nil {
			return stopped(ctx)
		}
		if err != nil {
			return failed(out, err)
		}
		return result, nil
	})
}

// rollBack goes back to a revision, which is chosen once for an attempt: what was the
// newest but one is not so any more after going back to it.
func (c *client) rollBack(ctx context.Context, out *journal, config RollbackConfig) (sdk.Result, error) {
	t, err := c.revisioned(ctx, config)
	if err != nil {
		return sdk.Result{}, err
	}
	history, err := c.history(ctx, t.object)
	if err != nil {
		return sdk.Result{}, err
	}
	to, err := chosen(out, t, history, config.Revision)
	if err != nil {
		return sdk.Result{}, err
	}
	if to.Name == history[0].Name {
		out.say("%s is at revision %d", t, history[0].Number)
	} else {
		out.say("%s: going back from revision %d to %d", t, history[0].Number, to.Number)
		if _, err := c.goBack(ctx, t, to, false); err != nil {
			return sdk.Result{}, err
		}
	}
	if config.waits() {
		if err := c.rollout(out, config.Waiting).wait(ctx, []*target{t}); err != nil {
			return sdk.Result{}, err
		}
	}
	out.setOutput("revision", strconv.FormatInt(to.Number, 10))
	result := sdk.Succeeded()
	result.Message = fmt.Sprintf("%s rolled back to revision %d", t, to.Number)
	return result, nil
}

// revisioned reads the object that a config names.
func (c *client) revisioned(ctx context.Context, config RollbackConfig) (*target, error) {
	kind, name, err := config.named()
	if err != nil {
		return nil, err
	}
	mapping, err := c.mapping(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: kind})
	if err != nil {
		return nil, c.explain("ask what the cluster knows", err)
	}
	object, err := c.resource(mapping, c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, &refused{message: fmt.Sprintf("there is no %s in namespace %s", config.Resource, c.Namespace)}
	}
	if err != nil {
		return nil, c.explain("read "+config.Resource, err)
	}
	return &target{document: document{object: object}, mapping: mapping}, nil
}

// history lists the revisions of an object, the newest first.
func (c *client) history(ctx context.Context, o *unstructured.Unstructured) ([]revision, error) {
	selector, _ := selectorOf(o)
	options := metav1.ListOptions{LabelSelector: selector}
	var all []revision
	add := func(owned metav1.Object, number int64) {
		if metav1.IsControlledBy(owned, o) {
			all = append(all, revision{number, owned.GetName()})
		}
	}
	if o.GetKind() == "Deployment" {
		sets, err := c.typed.AppsV1().ReplicaSets(o.GetNamespace()).List(ctx, options)
		if err != nil {
			return nil, c.explain("read the revisions of "+whereOf(o), err)
		}
		for i := range sets.Items {
			number, err := strconv.ParseInt(sets.Items[i].Annotations[revisionAnnotation], 10, 64)
			if err == nil {
				add(&sets.Items[i], number)
			}
		}
	} else {
		kept, err := c.typed.AppsV1().ControllerRevisions(o.GetNamespace()).List(ctx, options)
		if err != nil {
			return nil, c.explain("read the revisions of "+whereOf(o), err)
		}
		for i := range kept.Items {
			add(&kept.Items[i], kept.Items[i].Revision)
		}
	}
	if len(all) == 0 {
		return nil, &refused{message: whereOf(o) + " has no revisions"}
	}
	slices.SortFunc(all, func(a, b revision) int { return cmp.Compare(b.Number, a.Number) })
	return all, nil
}

const rollbackFile = "rollback.json"

// chosen is the revision to go back to: the one that the attempt has chosen before, or
// one that it then keeps to.
func chosen(out *journal, t *target, history []revision, wanted int64) (revision, error) {
	data, err := out.kept(rollbackFile)
	if err != nil {
		return revision{}, fmt.Errorf("read which revision was chosen: %w", err)
	}
	if data != nil {
		var before revision
		if err := json.Unmarshal(data, &before); err != nil {
			return revision{}, fmt.Errorf("read which revision was chosen: %w", err)
		}
		for _, r := range history {
			if r.Name == before.Name {
				return r, nil
			}
		}
		return revision{}, &refused{message: fmt.Sprintf("revision %d of %s is gone", before.Number, t)}
	}
	to, err := pick(t, history, wanted)
	if err != nil {
		return revision{}, err
	}
	if data, err = json.Marshal(to); err == nil {
		err = out.keep(rollbackFile, data)
	}
	if err != nil {
		return revision{}, fmt.Errorf("keep which revision was chosen: %w", err)
	}
	return to, nil
}

func pick(t *target, history []revision, wanted int64) (revision, error) {
	if wanted == 0 {
		if len(history) < 2 {
			return revision{}, &refused{message: fmt.Sprintf("%s has no earlier revision", t.where())}
		}
		return history[1], nil
	}
	var there []string
	for _, r := range history {
		if r.Number == wanted {
			return r, nil
		}
		there = append(there, strconv.FormatInt(r.Number, 10))
	}
	return revision{}, &refused{message: fmt.Sprintf("%s has no revision %d; there are: %s", t.where(), wanted, strings.Join(there, ", "))}
}

// goBack puts the template of a revision in place, as kubectl rollout undo does.
func (c *client) goBack(ctx context.Context, t *target, to revision, dry bool) (*unstructured.Unstructured, error) {
	kind, patch, err := c.patchFor(ctx, t, to)
	if err != nil {
		return nil, c.explain(fmt.Sprintf("read revision %d of %s", to.Number, t.where()), err)
	}
	options := metav1.PatchOptions{FieldManager: fieldManager}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	after, err := c.resource(t.mapping, t.object.GetNamespace()).Patch(ctx, t.object.GetName(), kind, patch, options)
	return after, c.explain("roll back "+t.where(), err)
}

// patchFor is what makes the object as it was. A Deployment's revisions are its replica
// sets; those of others hold a patch, made for this by their controllers.
func (c *client) patchFor(ctx context.Context, t *target, to revision) (types.PatchType, []byte, error) {
	if t.kind() != "Deployment" {
		kept, err := c.typed.AppsV1().ControllerRevisions(t.object.GetNamespace()).Get(ctx, to.Name, metav1.GetOptions{})
		if err != nil {
			return "", nil, err
		}
		return types.StrategicMergePatchType, kept.Data.Raw, nil
	}
	set, err := c.typed.AppsV1().ReplicaSets(t.object.GetNamespace()).Get(ctx, to.Name, metav1.GetOptions{})
	if err != nil {
		return "", nil, err
	}
	delete(set.Spec.Template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	patch, err := json.Marshal([]any{map[string]any{"op": "replace", "path": "/spec/template", "value": set.Spec.Template}})
	return types.JSONPatchType, patch, err
}

// planRollback says to which revision, and how its template looks.
func planRollback(ctx context.Context, step sdk.Step, config RollbackConfig) (sdk.Plan, error) {
	c, err := open(step, config.Access)
	if err != nil {
		return sdk.Plan{}, err
	}
	if config.Release != "" {
		return c.planHelmRollback(ctx, config)
	}
	t, err := c.revisioned(ctx, config)
	if err != nil {
		return sdk.Plan{}, err
	}
	history, err := c.history(ctx, t.object)
	if err != nil {
		return sdk.Plan{}, err
	}
	to, err := pick(t, history, config.Revision)
	if err != nil {
		return sdk.Plan{}, err
	}
	if to.Name == history[0].Name {
		return sdk.Plan{Summary: fmt.Sprintf("nothing would change: %s is at revision %d", t, to.Number)}, nil
	}
	after, err := c.goBack(ctx, t, to, true)
	if err != nil {
		return sdk.Plan{}, err
	}
	return sdk.Plan{Summary: fmt.Sprintf("rollback: %s would go from revision %d to %d", t, history[0].Number, to.Number),
		Changes: []sdk.PlannedChange{{Action: changeUpdate, Target: t.where(), Details: unified(t.object, after)}}}, nil
}
