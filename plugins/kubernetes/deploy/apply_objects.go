package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
)

// How often, and for how long, a kind is looked for whose definition was applied.
const (
	definitionPause = 200 * time.Millisecond
	definitionWait  = 30 * time.Second
)

// applyOptions are how a request to apply is made.
type applyOptions struct {
	manager         string // fieldManager when empty
	force           bool
	dryRun          bool
	createNamespace bool
}

// send applies one object and returns it as the cluster then has it.
func (c *client) send(ctx context.Context, t *target, o applyOptions) (*unstructured.Unstructured, error) {
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: o.force}
	if o.manager != "" {
		options.FieldManager = o.manager
	}
	if o.dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	client := c.resource(t.mapping, t.object.GetNamespace())
	now, err := client.Apply(ctx, t.object.GetName(), t.object, options)
	if err != nil && onlyWith(err, options.FieldManager) {
		// Rolling back is an update, and so of another owner than applying, if of the
		// same name.
		options.Force = true
		now, err = client.Apply(ctx, t.object.GetName(), t.object, options)
	}
	return now, err
}

// rehearse has the cluster check all objects without keeping them (dry run). Those that
// need what is not there yet, a namespace or a definition, cannot be checked so and
// are left out.
func (c *client) rehearse(ctx context.Context, targets []*target, o applyOptions) error {
	o.dryRun = true
	problems := make([]error, len(targets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, t := range targets {
		if t.mapping == nil {
			continue
		}
		group.Go(func() error {
			_, err := c.send(ctx, t, o)
			if err == nil || (cluster.IsNoNamespace(err) && (o.createNamespace || makesNamespace(targets, t.object.GetNamespace()))) {
				return nil
			}
			problems[i] = c.refuse(t, err)
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return together(problems)
}

// together makes one of several refusals; anything worse comes first.
func together(problems []error) error {
	var merged *refused
	more := 0
	for _, err := range problems {
		if err == nil {
			continue
		}
		var no *refused
		switch isRefusal := errors.As(err, &no); {
		case !isRefusal:
			return err
		case merged == nil:
			merged = &refused{message: no.message, lines: no.lines}
		default:
			more++
			merged.lines = append(append(merged.lines, "error: "+no.message), no.lines...)
		}
	}
	if merged == nil {
		return nil
	}
	if more > 0 {
		merged.message += fmt.Sprintf(" (and %d more)", more)
	}
	return merged
}

// refuse says which object the cluster would not have, and why.
func (c *client) refuse(t *target, err error) error {
	explained := c.explain(fmt.Sprintf("%s (%s)", t.where(), t.source), err)
	no, isRefusal := explained.(*refused)
	switch {
	case !isRefusal:
		return explained
	case isConflict(err):
		no.message = fmt.Sprintf("%s (%s): others own %s that it sets", t.where(), t.source, count(len(no.lines), "field"))
		no.lines = append(no.lines, "  remove them from the manifest, or take them over with force: true")
	case cluster.IsNoNamespace(err):
		no.message += "; make it, or add create_namespace: true"
	case t.kind() == "Job" && apierrors.IsInvalid(err):
		no.message += "; the template of a Job cannot change: give the Job another name, or remove the old one first"
	}
	return no
}

func makesNamespace(targets []*target, name string) bool {
	return slices.ContainsFunc(targets, func(t *target) bool {
		return t.kind() == "Namespace" && t.object.GetName() == name
	})
}

// makeNamespaces makes those that the objects are in and that are not there.
func (a *application) makeNamespaces(ctx context.Context) error {
	done := map[string]bool{"": true}
	for _, t := range a.targets {
		name := t.object.GetNamespace()
		if done[name] || makesNamespace(a.targets, name) {
			continue
		}
		done[name] = true
		if err := a.makeNamespace(ctx, name, a.out); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) makeNamespace(ctx context.Context, name string, out *journal) error {
	namespaces := c.typed.CoreV1().Namespaces()
	if _, err := namespaces.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return nil // it is there, or applying says what is wrong
	}
	wanted := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	mapping, err := c.mapping(wanted.GroupVersionKind())
	if err != nil {
		return c.explain("make the namespace "+name, err)
	}
	if _, err := c.resource(mapping, "").Create(ctx, wanted, metav1.CreateOptions{FieldManager: fieldManager}); err != nil && !apierrors.IsAlreadyExists(err) {
		return c.explain("make the namespace "+name, err)
	}
	out.say("namespace/%s created", name)
	return nil
}

// applyOne applies one object, when its kind is known to the cluster, and says whether
// that changed anything.
func (a *application) applyOne(ctx context.Context, t *target) error {
	if err := a.await(ctx, t); err != nil {
		return err
	}
	now, err := a.send(ctx, t, applyOptions{force: a.Force})
	if err != nil {
		return a.refuse(t, err)
	}
	verdict := "configured"
	switch old := a.before.of(t); {
	case old == nil:
		verdict = "created"
	case old.GetResourceVersion() == now.GetResourceVersion():
		a.out.say("%s unchanged", t)
		return nil
	}
	a.changed++
	a.out.say("%s %s", t, verdict)
	return nil
}

// await waits until the cluster serves the object's kind: its definition has just been
// applied.
func (a *application) await(ctx context.Context, t *target) error {
	for begun := time.Now(); t.mapping == nil; {
		mapping, err := a.mapping(t.object.GroupVersionKind())
		switch {
		case err == nil:
			t.mapping = mapping
			return nil
		case !meta.IsNoMatchError(err):
			return a.explain("ask what the cluster knows", err)
		case time.Since(begun) > definitionWait:
			return &refused{message: fmt.Sprintf("%s (%s): the cluster does not serve its kind, though its definition was applied", t.where(), t.source)}
		}
		select {
		case <-time.After(definitionPause):
			a.mapper.Reset()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
