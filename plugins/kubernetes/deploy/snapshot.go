package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/retry"
)

// restoreTimeout bounds putting things back.
const restoreTimeout = 2 * time.Minute

const snapshotFile = "before.json"

// snapshot is how the objects of an apply were before it.
type snapshot struct {
	objects map[key]*unstructured.Unstructured // nil for those that were not there
}

// of returns the object as it was, or nil.
func (s *snapshot) of(t *target) *unstructured.Unstructured { return s.objects[t.key()] }

// remembered is one object in the file.
type remembered struct {
	Key    key             `json:"key"`
	Object json.RawMessage `json:"object,omitempty"`
}

// look reads the objects as they are. Work that takes over from one that was killed
// gets what that had seen: half of the objects may have changed since. The file is in
// the attempt's own folder, for this user alone, and goes with it.
func (c *client) look(ctx context.Context, targets []*target, out *journal) (*snapshot, error) {
	data, err := out.kept(snapshotFile)
	if err != nil {
		return nil, fmt.Errorf("read what was there before: %w", err)
	}
	if data != nil {
		return readSnapshot(data)
	}
	found, err := c.live(ctx, targets)
	if err != nil {
		return nil, err
	}
	s := &snapshot{objects: map[key]*unstructured.Unstructured{}}
	file := make([]remembered, len(targets))
	for i, t := range targets {
		s.objects[t.key()] = found[i]
		file[i].Key = t.key()
		if found[i] != nil {
			if file[i].Object, err = found[i].MarshalJSON(); err != nil {
				return nil, fmt.Errorf("keep what was there before: %w", err)
			}
		}
	}
	if data, err = json.Marshal(file); err == nil {
		err = out.keep(snapshotFile, data)
	}
	if err != nil {
		return nil, fmt.Errorf("keep what was there before: %w", err)
	}
	return s, nil
}

func readSnapshot(data []byte) (*snapshot, error) {
	var file []remembered
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read what was there before: %w", err)
	}
	s := &snapshot{objects: map[key]*unstructured.Unstructured{}}
	for _, one := range file {
		if one.Object == nil {
			s.objects[one.Key] = nil
			continue
		}
		object := &unstructured.Unstructured{}
		if err := utiljson.Unmarshal(one.Object, &object.Object); err != nil {
			return nil, fmt.Errorf("read what was there before: %w", err)
		}
		s.objects[one.Key] = object
	}
	return s, nil
}

// live reads the objects from the cluster; nil stands for one that is not there, or
// whose kind is not known yet.
func (c *client) live(ctx context.Context, targets []*target) ([]*unstructured.Unstructured, error) {
	found := make([]*unstructured.Unstructured, len(targets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, t := range targets {
		if t.mapping == nil {
			continue
		}
		group.Go(func() error {
			object, err := c.resource(t.mapping, t.object.GetNamespace()).Get(ctx, t.object.GetName(), metav1.GetOptions{})
			switch {
			case apierrors.IsNotFound(err):
			case err != nil:
				return c.explain("read "+t.where(), err)
			default:
				found[i] = object
			}
			return nil
		})
	}
	return found, group.Wait()
}

// restore puts the objects back as they were, and removes those that were not there.
// All are tried, whatever happens to one.
func (s *snapshot) restore(ctx context.Context, c *client, targets []*target, out *journal) error {
	var problems []error
	for _, t := range slices.Backward(targets) {
		if t.mapping == nil {
			continue // its kind was not known, so nothing was made
		}
		verdict, err := s.restoreOne(ctx, c, t)
		switch {
		case err != nil:
			problems = append(problems, c.explain("put back "+t.where(), err))
		case verdict != "":
			out.say("%s %s", t, verdict)
		}
	}
	return together(problems)
}

func (s *snapshot) restoreOne(ctx context.Context, c *client, t *target) (verdict string, err error) {
	client := c.resource(t.mapping, t.object.GetNamespace())
	old := s.of(t)
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		now, err := client.Get(ctx, t.object.GetName(), metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) && old == nil:
			return nil
		case apierrors.IsNotFound(err):
			again := old.DeepCopy()
			again.SetResourceVersion("")
			again.SetUID("")
			_, err = client.Create(ctx, again, metav1.CreateOptions{FieldManager: fieldManager})
			verdict = "made again"
			return err
		case err != nil:
			return err
		case old == nil:
			if !isOurs(now) {
				return nil // somebody else has made one since
			}
			verdict = "removed"
			return client.Delete(ctx, now.GetName(), deleteOptions(now))
		case old.GetResourceVersion() == now.GetResourceVersion():
			return nil
		}
		verdict = "put back"
		_, err = client.Update(ctx, asBefore(old, now), metav1.UpdateOptions{FieldManager: fieldManager})
		return err
	})
	return verdict, err
}

// asBefore is the object with all that people and programs set as it was, owners of
// fields included, and with what the cluster keeps about it (status, revision) as it is.
func asBefore(old, now *unstructured.Unstructured) *unstructured.Unstructured {
	restored := now.DeepCopy()
	for field := range restored.Object {
		if _, had := old.Object[field]; !had && field != "metadata" && field != "status" {
			delete(restored.Object, field)
		}
	}
	for field, value := range old.DeepCopy().Object {
		if field != "metadata" && field != "status" {
			restored.Object[field] = value
		}
	}
	annotations := map[string]string{}
	for name, value := range old.GetAnnotations() {
		annotations[name] = value
	}
	for name, value := range now.GetAnnotations() {
		if strings.HasPrefix(name, "deployment.kubernetes.io/") {
			annotations[name] = value
		}
	}
	restored.SetAnnotations(annotations)
	restored.SetLabels(old.GetLabels())
	restored.SetManagedFields(old.GetManagedFields())
	return restored
}

func isOurs(o *unstructured.Unstructured) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == fieldManager && f.Operation == metav1.ManagedFieldsOperationApply
	})
}

// deleteOptions remove this very object, and what it owns, but not one that has taken
// its name since.
func deleteOptions(o *unstructured.Unstructured) metav1.DeleteOptions {
	uid := o.GetUID()
	policy := metav1.DeletePropagationBackground
	return metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &policy}
}
