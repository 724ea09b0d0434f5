package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// deployment is the manifest of one whose container runs a command.
func (b *bench) deployment(name, command string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: main, image: %[2]q, imagePullPolicy: IfNotPresent, command: [sh, -c, %[3]q]}
`, name, b.image, command)
}

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {value: %q}\n", name, value)
}

// value reads a ConfigMap's, or returns "none".
func (b *bench) value(name string) string {
	b.t.Helper()
	found, err := b.cluster.typed.CoreV1().ConfigMaps(b.namespace).Get(b.t.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "none"
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return found.Data["value"]
}

func TestApplyFolder(t *testing.T) {
	b := newBench(t)
	b.file("deploy/b.yaml", configMap("two", "2")+"---\n# nothing here\n---\n"+b.deployment("web", "sleep 1000"))
	b.file("deploy/more/a.json", `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"three"},"data":{"value":"3"}}]}`)
	b.file("deploy/.hidden/x.yaml", "not: a manifest")
	b.file("deploy/README.md", "no manifest")
	end := b.run("", map[string]any{"manifest": "deploy"})
	if end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
		t.Fatalf("got %+v, %v: %s", end.result, end.err, end.text())
	}
	contains(t, end.text(), "configmap/two created", "configmap/three created", "deployment.apps/web created", "deployment.apps/web: ready")
	if end.said.outputs["applied"] != "3" || end.said.outputs["changed"] != "3" {
		t.Errorf("the outputs are %v", end.said.outputs)
	}
	again := b.run("", map[string]any{"manifest": "deploy/**/*.{yaml,json}"})
	contains(t, again.text(), "configmap/two unchanged", "deployment.apps/web unchanged", "3 objects applied, 0 changed")
}

func TestApplyInline(t *testing.T) {
	b := newBench(t)
	b.succeeds("apply", map[string]any{"manifest": []any{configMap("text", "1"),
		map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "object"}, "data": map[string]any{"value": "2"}}}})
	if b.value("text") != "1" || b.value("object") != "2" {
		t.Errorf("got %s and %s", b.value("text"), b.value("object"))
	}
}

// TestApplyDefinition applies a definition, an instance of it and a namespace for the
// instance at once, in the wrong order.
func TestApplyDefinition(t *testing.T) {
	b := newBench(t)
	group := b.namespace + ".example.com"
	manifest := fmt.Sprintf(`
apiVersion: %[1]s/v1
kind: Widget
metadata: {name: first, namespace: %[2]s-more}
spec: {size: 3}
---
apiVersion: v1
kind: Namespace
metadata: {name: %[2]s-more}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
`, group, b.namespace)
	t.Cleanup(func() { b.remove("v1", "Namespace", b.namespace+"-more") })
	t.Cleanup(func() { b.remove("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets."+group) })
	said := b.succeeds("apply", map[string]any{"manifest": manifest})
	contains(t, said, "widget."+group+"/first created")
	if strings.Index(said, "customresourcedefinition") > strings.Index(said, "widget."+group+"/first") {
		t.Errorf("the definition did not come first:\n%s", said)
	}
}

func TestApplyNamespace(t *testing.T) {
	b := newBench(t)
	other := b.namespace + "-new"
	t.Cleanup(func() { b.remove("v1", "Namespace", other) })
	config := map[string]any{"manifest": configMap("one", "1"), "namespace": other}
	end := b.run("apply", config)
	contains(t, end.text(), "namespaces", "create_namespace: true")
	config["create_namespace"] = true
	contains(t, b.succeeds("apply", config), "namespace/"+other+" created", "configmap/one created")
}

func TestApplyConflict(t *testing.T) {
	b := newBench(t)
	b.succeeds("apply", map[string]any{"manifest": configMap("shared", "ours")})
	found, err := b.cluster.typed.CoreV1().ConfigMaps(b.namespace).Get(t.Context(), "shared", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found.Data["value"] = "theirs"
	if _, err := b.cluster.typed.CoreV1().ConfigMaps(b.namespace).Update(t.Context(), found, metav1.UpdateOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	manifest := configMap("first", "1") + "---\n" + configMap("shared", "ours")
	end := b.run("apply", map[string]any{"manifest": manifest})
	contains(t, end.text(), `.data.value is owned by "somebody"`, "force: true")
	if end.result.Outcome != sdk.OutcomeFailed || b.value("shared") != "theirs" || b.value("first") != "none" {
		t.Errorf("got %+v; shared is %s, first is %s", end.result, b.value("shared"), b.value("first"))
	}
	b.succeeds("apply", map[string]any{"manifest": manifest, "force": true})
	if b.value("shared") != "ours" {
		t.Error("force did not take the field over")
	}
}

// TestApplyRefused has nothing changed when one object of several is not valid.
func TestApplyRefused(t *testing.T) {
	b := newBench(t)
	cases := map[string]struct{ manifest, want string }{
		"bad field":    {"apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999999}]}\n", "port"},
		"unknown kind": {"apiVersion: v1\nkind: Deploymint\nmetadata: {name: bad}\n", "knows no kind Deploymint"},
		"no name":      {"apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n", "generateName"},
		"twice":        {configMap("same", "1") + "---\n" + configMap("same", "2"), "is there twice"},
		"not yaml":     {"a: [\nb: }\n", "line"},
		"text":         {"just\nwords\n", "there is no object"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			end := b.run("apply", map[string]any{"manifest": []any{configMap("good", "1"), c.manifest}})
			var problem *sdk.Error
			if end.err == nil && end.result.Outcome != sdk.OutcomeFailed || end.err != nil && !errors.As(end.err, &problem) {
				t.Errorf("got %+v, %v", end.result, end.err)
			}
			contains(t, end.text(), c.want)
			if b.value("good") != "none" {
				t.Error("the other object was applied")
			}
		})
	}
}

// remove removes an object that is in no namespace.
func (b *bench) remove(version, kind, name string) {
	documents, err := parse(fmt.Appendf(nil, "apiVersion: %s\nkind: %s\nmetadata: {name: %s}\n", version, kind, name), "")
	if err != nil {
		b.t.Fatal(err)
	}
	mapping, err := b.cluster.mapping(documents[0].object.GroupVersionKind())
	if err == nil {
		err = b.cluster.resource(mapping, "").Delete(context.Background(), name, metav1.DeleteOptions{})
	}
	if err != nil && !apierrors.IsNotFound(err) {
		b.t.Error(err)
	}
}
