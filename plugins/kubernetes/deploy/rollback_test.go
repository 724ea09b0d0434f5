package deploy

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// command reads what the container of a workload runs.
func (b *bench) command(kind, name string) string {
	b.t.Helper()
	apps := b.cluster.typed.AppsV1()
	switch kind {
	case "deployment":
		found, err := apps.Deployments(b.namespace).Get(b.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			b.t.Fatal(err)
		}
		return found.Spec.Template.Spec.Containers[0].Command[2]
	default:
		found, err := apps.StatefulSets(b.namespace).Get(b.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			b.t.Fatal(err)
		}
		return found.Spec.Template.Spec.Containers[0].Command[2]
	}
}

func TestRollback(t *testing.T) {
	b := newBench(t)
	makes := map[string]func(command string) string{
		"deployment": func(command string) string { return b.deployment("web", command) },
		"statefulset": func(command string) string {
			return strings.Replace(strings.Replace(b.deployment("web", command), "kind: Deployment", "kind: StatefulSet", 1), "spec:\n", "spec:\n  serviceName: web\n", 1)
		},
	}
	for kind, manifest := range makes {
		t.Run(kind, func(t *testing.T) {
			for i := range 3 {
				b.succeeds("apply", map[string]any{"manifest": manifest(fmt.Sprintf("sleep 100%d", i+1))})
			}
			said := b.succeeds("rollback", map[string]any{"resource": kind + "/web"})
			contains(t, said, "going back from revision 3 to 2")
			if got := b.command(kind, "web"); got != "sleep 1002" {
				t.Errorf("it runs %q", got)
			}
			b.succeeds("rollback", map[string]any{"resource": kind + "/web", "revision": 1})
			if got := b.command(kind, "web"); got != "sleep 1001" {
				t.Errorf("it runs %q", got)
			}
			end := b.run("rollback", map[string]any{"resource": kind + "/web", "revision": 99})
			contains(t, end.text(), "has no revision 99; there are:")
			b.succeeds("apply", map[string]any{"manifest": manifest("sleep 1009")}) // meets no conflict
		})
	}
	end := b.run("rollback", map[string]any{"resource": "deployment/none"})
	contains(t, end.text(), "there is no deployment/none")
	end = b.run("rollback", map[string]any{"resource": "service/web"})
	contains(t, end.text(), "nothing that has revisions")
}

// TestRollbackOnce has a rollback that is done again, after a kill, not go back once more.
func TestRollbackOnce(t *testing.T) {
	b := newBench(t)
	for i := range 3 {
		b.succeeds("apply", map[string]any{"manifest": b.deployment("web", fmt.Sprintf("sleep 100%d", i+1))})
	}
	r := b.request("rollback", map[string]any{"resource": "deployment/web"})
	for range 2 {
		_, _, ended := b.start(b.client, r)
		if end := <-ended; end.err != nil {
			t.Fatal(end.err)
		}
		b.forget(r) // as when the result was never written
	}
	if got := b.command("deployment", "web"); got != "sleep 1002" {
		t.Errorf("it runs %q", got)
	}
}
