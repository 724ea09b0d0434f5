package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// What the objects of a release carry, and its parent, a ConfigMap of the release's
// name: the published format of an ApplySet, which kubectl and others read as well
// (KEP-3659, https://kubernetes.io/docs/reference/labels-annotations-taints/#applyset-kubernetes-io-id).
const (
	labelPartOf          = "applyset.kubernetes.io/part-of"
	labelID              = "applyset.kubernetes.io/id"
	annotationTooling    = "applyset.kubernetes.io/tooling"
	annotationKinds      = "applyset.kubernetes.io/contains-group-kinds"
	annotationNamespaces = "applyset.kubernetes.io/additional-namespaces"
	tooling              = "patchbay/v1"
)

// keptKinds hold data, or everything else: they are only pruned when they are named.
var keptKinds = []string{"Namespace", "CustomResourceDefinition", "PersistentVolume", "PersistentVolumeClaim"}

// applySet is what the applies of one release have made. The parent names the kinds and
// namespaces in which members may be; members are known by their label.
type applySet struct {
	*client
	name, id   string
	kinds      map[schema.GroupKind]bool
	namespaces map[string]bool
}

// setID is the ID of a set whose parent is a ConfigMap.
func setID(name, namespace string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{name, namespace, "ConfigMap", ""}, ".")))
	return "applyset-" + base64.RawURLEncoding.EncodeToString(sum[:]) + "-v1"
}

// newSet is a set of which nothing is known yet.
func (c *client) newSet(release string) *applySet {
	return &applySet{client: c, name: release, id: setID(release, c.Namespace),
		kinds: map[schema.GroupKind]bool{}, namespaces: map[string]bool{}}
}

// openSet reads the set of a release, or begins one. A ConfigMap of that name that is
// something else is refused.
func (c *client) openSet(ctx context.Context, release string) (*applySet, error) {
	s := c.newSet(release)
	parent, err := c.typed.CoreV1().ConfigMaps(c.Namespace).Get(ctx, release, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return s, nil
	case err != nil:
		return nil, c.explain("read the release "+release, err)
	case parent.Labels[labelID] != s.id:
		return nil, &refused{message: fmt.Sprintf("a ConfigMap %s exists in namespace %s that is not a release's; give the release another name", release, c.Namespace)}
	case !strings.HasPrefix(parent.Annotations[annotationTooling], "patchbay/"):
		return nil, &refused{message: fmt.Sprintf("the release %s in namespace %s belongs to %s; give this one another name", release, c.Namespace, parent.Annotations[annotationTooling])}
	}
	for _, kind := range listed(parent.Annotations[annotationKinds]) {
		s.kinds[schema.ParseGroupKind(kind)] = true
	}
	for _, namespace := range listed(parent.Annotations[annotationNamespaces]) {
		s.namespaces[namespace] = true
	}
	return s, nil
}

func listed(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// claim labels the objects as the set's.
func (s *applySet) claim(targets []*target) {
	for _, t := range targets {
		labels := t.object.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[labelPartOf] = s.id
		t.object.SetLabels(labels)
	}
}

// taken says which of the objects belong to another release.
func (s *applySet) taken(targets []*target, before *snapshot) error {
	for _, t := range targets {
		old := before.of(t)
		if old == nil {
			continue
		}
		if owner := old.GetLabels()[labelPartOf]; owner != "" && owner != s.id {
			return &refused{message: fmt.Sprintf("%s (%s) belongs to another release (%s %s)", t.where(), t.source, labelPartOf, owner)}
		}
	}
	return nil
}

// announce writes into the parent, before anything is applied, where members may be
// from now on: whoever is killed in between leaves no member that is not found again.
func (s *applySet) announce(ctx context.Context, targets []*target) error {
	for _, t := range targets {
		s.kinds[t.object.GroupVersionKind().GroupKind()] = true
		s.namespaces[t.object.GetNamespace()] = true
	}
	return s.write(ctx)
}

func (s *applySet) write(ctx context.Context) error {
	kinds := make([]string, 0, len(s.kinds))
	for kind := range s.kinds {
		kinds = append(kinds, kind.String())
	}
	slices.Sort(kinds)
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(s.namespaces)), func(n string) bool { return n == "" || n == s.Namespace })
	parent := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: s.name, Namespace: s.Namespace, Labels: map[string]string{labelID: s.id},
			Annotations: map[string]string{annotationTooling: tooling, annotationKinds: strings.Join(kinds, ","), annotationNamespaces: strings.Join(others, ",")}}}
	data, err := json.Marshal(parent)
	if err != nil {
		return fmt.Errorf("write the release %s: %w", s.name, err)
	}
	force := true
	_, err = s.typed.CoreV1().ConfigMaps(s.Namespace).Patch(ctx, s.name, types.ApplyPatchType, data,
		metav1.PatchOptions{FieldManager: fieldManager + "-applyset", Force: &force})
	return s.explain("write the release "+s.name, err)
}

// finish prunes, if that is wanted, and notes what the set then has.
func (s *applySet) finish(ctx context.Context, a *application) error {
	surplus, err := s.surplus(ctx, a.targets)
	if err != nil {
		return err
	}
	var left []member
	for _, m := range surplus {
		if why := a.keeps(m.object); why != "" {
			a.out.say("%s is in the manifests no more; it stays: %s", nameOf(m.object), why)
			left = append(left, m)
			continue
		}
		err := s.resource(m.mapping, m.object.GetNamespace()).Delete(ctx, m.object.GetName(), deleteOptions(m.object))
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return s.explain("prune "+whereOf(m.object), err)
		}
		a.changed++
		a.out.say("%s pruned", nameOf(m.object))
	}
	clear(s.kinds)
	clear(s.namespaces)
	for _, m := range left {
		s.kinds[m.object.GroupVersionKind().GroupKind()] = true
		s.namespaces[m.object.GetNamespace()] = true
	}
	return s.announce(ctx, a.targets)
}

// keeps says why an object that is not in the manifests any more stays, or "".
func (o ApplyOptions) keeps(object *unstructured.Unstructured) string {
	kind := object.GroupVersionKind()
	named := slices.ContainsFunc(o.PruneKinds, func(name string) bool {
		return strings.EqualFold(name, kind.Kind) || strings.EqualFold(name, kind.GroupKind().String())
	})
	switch {
	case !o.Prune:
		return "prune is not set"
	case len(o.PruneKinds) > 0 && !named:
		return "its kind is not in prune_kinds"
	case !named && slices.Contains(keptKinds, kind.Kind):
		return "what it holds would be lost; name its kind in prune_kinds to have it removed"
	}
	return ""
}

// member is an object of the set.
type member struct {
	mapping *meta.RESTMapping
	object  *unstructured.Unstructured
}

// surplus are the members that are not among the targets, in the order in which they
// would be removed. Kinds that the cluster has no more have no members either.
func (s *applySet) surplus(ctx context.Context, targets []*target) ([]member, error) {
	wanted := map[key]bool{}
	for _, t := range targets {
		wanted[t.key()] = true
	}
	var found []member
	for kind := range s.kinds {
		mapping, err := s.mapper.RESTMapping(kind)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return nil, s.explain("look for what the release had", err)
		}
		for _, namespace := range s.places(mapping) {
			list, err := s.resource(mapping, namespace).List(ctx, metav1.ListOptions{LabelSelector: labelPartOf + "=" + s.id})
			if err != nil {
				return nil, s.explain("look for what the release had", err)
			}
			for i := range list.Items {
				one := &list.Items[i]
				// What a controller made with the labels of a member goes with its owner.
				if !wanted[keyOf(one)] && one.GetDeletionTimestamp() == nil && metav1.GetControllerOf(one) == nil {
					found = append(found, member{mapping, one})
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b member) int { return strings.Compare(whereOf(a.object), whereOf(b.object)) })
	inReverse(found, func(m member) string { return m.object.GetKind() })
	return found, nil
}

// places are the namespaces in which members of a kind may be.
func (s *applySet) places(mapping *meta.RESTMapping) []string {
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return []string{""}
	}
	all := maps.Clone(s.namespaces)
	all[s.Namespace] = true
	delete(all, "")
	return slices.Sorted(maps.Keys(all))
}
