package deploy

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

func TestPrune(t *testing.T) {
	b := newBench(t)
	claim := "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n"
	b.succeeds("apply", map[string]any{"manifest": configMap("bystander", "1")})
	b.succeeds("apply", map[string]any{"manifest": configMap("other", "1"), "release": "other"})
	b.succeeds("apply", map[string]any{"release": "shop", "manifest": []any{configMap("stays", "1"), configMap("goes", "1"), claim, b.deployment("old", "sleep 1000")}})

	contains(t, b.succeeds("apply", map[string]any{"manifest": configMap("stays", "2"), "release": "shop"}), "configmap/goes is in the manifests no more; it stays: prune is not set")
	contains(t, b.succeeds("apply", map[string]any{"manifest": configMap("stays", "2"), "release": "shop", "prune": true, "prune_kinds": []string{"ConfigMap"}}),
		"configmap/goes pruned", "deployment.apps/old is in the manifests no more; it stays: its kind is not in prune_kinds")
	said := b.succeeds("apply", map[string]any{"manifest": configMap("stays", "2"), "release": "shop", "prune": true})
	contains(t, said, "deployment.apps/old pruned", "persistentvolumeclaim/data is in the manifests no more; it stays")
	for name, want := range map[string]string{"stays": "2", "goes": "none", "bystander": "1", "other": "1"} {
		if got := b.value(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	contains(t, b.succeeds("apply", map[string]any{"manifest": configMap("stays", "2"), "release": "shop", "prune": true, "prune_kinds": []string{"PersistentVolumeClaim"}}), "persistentvolumeclaim/data pruned")
}

// TestReleaseIsNotTaken has the objects of a release, and a ConfigMap of its name, be
// nobody else's.
func TestReleaseIsNotTaken(t *testing.T) {
	b := newBench(t)
	b.succeeds("apply", map[string]any{"manifest": configMap("mine", "1"), "release": "one"})
	end := b.run("apply", map[string]any{"manifest": configMap("mine", "2"), "release": "two", "force": true})
	contains(t, end.text(), "belongs to another release")
	b.succeeds("apply", map[string]any{"manifest": configMap("plain", "1")})
	end = b.run("apply", map[string]any{"manifest": configMap("x", "2"), "release": "plain"})
	contains(t, end.text(), "not a release's")
	if end.result.Outcome != sdk.OutcomeFailed || b.value("mine") != "1" || b.value("plain") != "1" {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
}

// TestSetFormat holds the parent and its members to the published format.
func TestSetFormat(t *testing.T) {
	b := newBench(t)
	b.succeeds("apply", map[string]any{"manifest": configMap("member", "1"), "release": "shop"})
	maps := b.cluster.typed.CoreV1().ConfigMaps(b.namespace)
	parent, err := maps.Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	member, err := maps.Get(t.Context(), "member", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id := parent.Labels["applyset.kubernetes.io/id"]
	if id != setID("shop", b.namespace) || member.Labels["applyset.kubernetes.io/part-of"] != id {
		t.Errorf("the parent has %v, the member %v", parent.Labels, member.Labels)
	}
	if kinds := parent.Annotations["applyset.kubernetes.io/contains-group-kinds"]; kinds != "ConfigMap" {
		t.Errorf("the kinds are %q", kinds)
	}
}
