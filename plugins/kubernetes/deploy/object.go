package deploy

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// key names an object whatever the version of its kind.
type key struct {
	Group, Kind, Namespace, Name string
}

func keyOf(o *unstructured.Unstructured) key {
	kind := o.GroupVersionKind()
	return key{Group: kind.Group, Kind: kind.Kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

// target is an object that is to be as its document says.
type target struct {
	document
	// mapping is nil while the object's kind is not known to the cluster yet: it is
	// defined by another object of the same step.
	mapping *meta.RESTMapping
}

func (t *target) key() key     { return keyOf(t.object) }
func (t *target) kind() string { return t.object.GetKind() }

// String is how people and kubectl write it: "deployment.apps/web".
func (t *target) String() string { return nameOf(t.object) }

// where adds the namespace.
func (t *target) where() string { return whereOf(t.object) }

func nameOf(o *unstructured.Unstructured) string {
	kind := o.GroupVersionKind()
	name := strings.ToLower(kind.Kind)
	if kind.Group != "" {
		name += "." + kind.Group
	}
	return name + "/" + o.GetName()
}

func whereOf(o *unstructured.Unstructured) string {
	if namespace := o.GetNamespace(); namespace != "" {
		return nameOf(o) + " in namespace " + namespace
	}
	return nameOf(o)
}

// resolve finds out what the documents are to the cluster, gives a namespace to those
// that need one and have none, and puts them in order. What is no use applying, such
// as one object twice, is an error.
func resolve(c *client, documents []document) ([]*target, error) {
	targets := make([]*target, 0, len(documents))
	defined := definitions(documents)
	seen := map[key]string{}
	for _, d := range documents {
		t := &target{document: document{object: d.object.DeepCopy(), source: d.source}}
		kind := t.object.GroupVersionKind()
		mapping, err := c.mapping(kind)
		scoped := false
		switch {
		case err == nil:
			t.mapping, scoped = mapping, mapping.Scope.Name() == meta.RESTScopeNameNamespace
		case !meta.IsNoMatchError(err):
			return nil, c.explain("ask what the cluster knows", err)
		default:
			scope, known := defined[kind.GroupKind()]
			if !known {
				return nil, unknownKind(kind, d.source)
			}
			scoped = scope == "Namespaced"
		}
		switch {
		case !scoped:
			t.object.SetNamespace("")
		case t.object.GetNamespace() == "":
			t.object.SetNamespace(c.Namespace)
		}
		if before, twice := seen[t.key()]; twice {
			return nil, unreadable(d.source, "%s is there twice; the other is at %s", t.where(), before)
		}
		seen[t.key()] = d.source
		targets = append(targets, t)
	}
	inOrder(targets, (*target).kind)
	return targets, nil
}

// definitions are the kinds that the documents define, with their scopes.
func definitions(documents []document) map[schema.GroupKind]string {
	defined := map[schema.GroupKind]string{}
	for _, d := range documents {
		if d.object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		group, _, _ := unstructured.NestedString(d.object.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(d.object.Object, "spec", "names", "kind")
		scope, _, _ := unstructured.NestedString(d.object.Object, "spec", "scope")
		defined[schema.GroupKind{Group: group, Kind: kind}] = scope
	}
	return defined
}

func unknownKind(kind schema.GroupVersionKind, source string) error {
	return &sdk.Error{Class: sdk.ClassInvalidConfig, Pointer: "/manifest",
		Message:    fmt.Sprintf("%s: the cluster knows no kind %s of %s", source, kind.Kind, kind.GroupVersion()),
		Suggestion: "see that apiVersion and kind are right (kubectl api-resources lists them), or apply its CustomResourceDefinition as well"}
}
