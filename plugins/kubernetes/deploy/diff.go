package deploy

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/patchbay-ci/patchbay/plugins/kubernetes/cluster"
	"github.com/patchbay-ci/patchbay/sdk"
)

// What a planned change does.
const (
	changeCreate = "create"
	changeUpdate = "update"
	changeDelete = "delete"
	changeRun    = "run"
)

// diff says what applying the targets would change: the cluster is asked to do it and
// to keep nothing of it (dry run), so what it fills in and what it refuses shows as
// well. Objects that would stay as they are do not count. The order is that of the
// targets.
func (c *client) diff(ctx context.Context, targets []*target, o applyOptions) ([]sdk.PlannedChange, error) {
	before, err := c.live(ctx, targets)
	if err != nil {
		return nil, err
	}
	changes := make([]*sdk.PlannedChange, len(targets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, t := range targets {
		group.Go(func() (err error) {
			changes[i], err = c.diffOne(ctx, t, before[i], targets, o)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []sdk.PlannedChange
	for _, change := range changes {
		if change != nil {
			all = append(all, *change)
		}
	}
	return all, nil
}

// diffOne returns nil when nothing would change.
func (c *client) diffOne(ctx context.Context, t *target, old *unstructured.Unstructured, targets []*target, o applyOptions) (*sdk.PlannedChange, error) {
	change := &sdk.PlannedChange{Action: changeUpdate, Target: t.where()}
	if old == nil {
		change.Action = changeCreate
	}
	if t.mapping == nil {
		change.Details = "# not checked: its kind is defined in the same step\n" + unified(nil, t.object)
		return change, nil
	}
	o.dryRun = true
	after, err := c.send(ctx, t, o)
	note := ""
	if err != nil && isConflict(err) && !o.force {
		explained := c.refuse(t, err)
		note = "# would be refused: " + explained.Error() + "\n"
		for _, line := range explained.(*refused).lines {
			note += "# " + line + "\n"
		}
		o.force = true
		after, err = c.send(ctx, t, o)
	}
	switch {
	case err == nil:
	case cluster.IsNoNamespace(err) && (o.createNamespace || makesNamespace(targets, t.object.GetNamespace())):
		change.Details = "# not checked: its namespace is made by the same step\n" + unified(nil, t.object)
		return change, nil
	default:
		explained := c.refuse(t, err)
		no, isRefusal := explained.(*refused)
		if !isRefusal {
			return nil, explained
		}
		change.Details = "# would be refused: " + no.message + "\n" + unified(old, t.object)
		return change, nil
	}
	text := unified(old, after)
	if text == "" && note == "" {
		return nil, nil
	}
	change.Details = note + text
	return change, nil
}

// unified is the difference between two objects as people read it, without what the
// cluster keeps about them, and with the values of secrets hidden. Either may be nil.
func unified(old, now *unstructured.Unstructured) string {
	old, now = bare(old), bare(now)
	hide(old, now)
	name := ""
	for _, o := range []*unstructured.Unstructured{old, now} {
		if o != nil {
			name = nameOf(o)
		}
	}
	return udiff.Unified("live/"+name, "planned/"+name, text(old), text(now))
}

func text(o *unstructured.Unstructured) string {
	if o == nil {
		return ""
	}
	data, err := yaml.Marshal(o.Object)
	if err != nil {
		return fmt.Sprintf("# cannot be written: %v\n", err)
	}
	return string(data)
}

// bare is an object without what only the cluster writes.
func bare(o *unstructured.Unstructured) *unstructured.Unstructured {
	if o == nil {
		return nil
	}
	o = o.DeepCopy()
	delete(o.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	annotations := o.GetAnnotations()
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration") // secrets may be in it
	delete(annotations, revisionAnnotation)
	if len(annotations) == 0 {
		annotations = nil
	}
	o.SetAnnotations(annotations)
	return o
}

// hide puts words in the place of secrets' values: whether they change is seen, what
// they are is not.
func hide(old, now *unstructured.Unstructured) {
	for _, field := range []string{"data", "stringData"} {
		was, is := secretData(old, field), secretData(now, field)
		for name, value := range is {
			words := "hidden"
			if before, had := was[name]; had && before != value {
				words = "hidden, changed"
			}
			is[name] = fmt.Sprintf("(%s, %d bytes)", words, size(field, value))
		}
		for name, value := range was {
			was[name] = fmt.Sprintf("(hidden, %d bytes)", size(field, value))
		}
	}
}

// secretData is the live map of a Secret's values, or nil.
func secretData(o *unstructured.Unstructured, field string) map[string]any {
	if o == nil || o.GetKind() != "Secret" || o.GetAPIVersion() != "v1" {
		return nil
	}
	values, _ := o.Object[field].(map[string]any)
	return values
}

// size is that of a value: those in data are base64, the bytes of others are what they
// seem.
func size(field string, value any) int {
	words, _ := value.(string)
	if decoded, err := base64.StdEncoding.DecodeString(words); field == "data" && err == nil {
		return len(decoded)
	}
	return len(words)
}

// shown is an object for people to read, with the values of secrets hidden.
func shown(o *unstructured.Unstructured) string {
	o = bare(o)
	hide(nil, o)
	return text(o)
}

// summary is one line about planned changes.
func summary(changes []sdk.PlannedChange) string {
	counts := map[string]int{}
	for _, c := range changes {
		counts[c.Action]++
	}
	if len(changes) == 0 {
		return "nothing would change"
	}
	var parts []string
	for _, kind := range []struct{ action, word string }{{changeCreate, "created"}, {changeUpdate, "changed"}, {changeDelete, "removed"}, {changeRun, "run"}} {
		if n := counts[kind.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, kind.word))
		}
	}
	return count(len(changes), "object") + ": " + strings.Join(parts, ", ")
}

// removal is the plan to delete an object.
func removal(o *unstructured.Unstructured) sdk.PlannedChange {
	return sdk.PlannedChange{Action: changeDelete, Target: whereOf(o), Details: unified(o, nil)}
}
