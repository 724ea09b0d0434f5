package deploy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestRolloutSaysWhy has each trouble told in words that people can act on, and the
// step fail by it, long before its time is up.
func TestRolloutSaysWhy(t *testing.T) {
	b := newBench(t)
	quota := "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none}\nspec: {hard: {count/replicasets.apps: \"50\", requests.cpu: \"1m\"}}\n"
	greedy := func(name, request string) string {
		return strings.Replace(b.deployment(name, "sleep 1000"), "imagePullPolicy: IfNotPresent,", "imagePullPolicy: IfNotPresent, resources: {requests: "+request+", limits: "+request+"},", 1)
	}
	cases := []struct {
		name, manifest string
		want           []string
	}{
		{"crash loop", b.deployment("crash", "echo the database is not there; exit 3"), []string{"exit code 3", "| the database is not there", "deployment.apps/crash"}},
		{"image", strings.NewReplacer(b.image, "nowhere.invalid/no:such", "IfNotPresent", "Never").Replace(b.deployment("image", "true")), []string{"ErrImageNeverPull", "nowhere.invalid/no:such"}},
		{"no node", greedy("huge", "{memory: 900Ti}"), []string{"cannot be scheduled", "nsufficient memory"}},
		{"missing config", strings.Replace(b.deployment("config", "true"), "imagePullPolicy", "envFrom: [{configMapRef: {name: absent}}], imagePullPolicy", 1), []string{"CreateContainerConfigError", `configmap "absent" not found`}},
		{"quota", quota + "---\n" + greedy("quota", "{cpu: 50m}"), []string{"cannot be made", "exceeded quota: none"}},
		{"job", fmt.Sprintf("apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: main, image: %q, imagePullPolicy: IfNotPresent, command: [sh, -c, 'echo no such table; exit 4']}]}}}\n", b.image),
			[]string{"job.batch/migrate", "exit code 4", "| no such table", "BackoffLimitExceeded"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			end := b.run("apply", map[string]any{"manifest": c.manifest, "patience": "2s", "wait_timeout": "2m"})
			if end.err != nil || end.result.Outcome != sdk.OutcomeFailed || strings.Contains(end.result.Message, "not ready after") {
				t.Errorf("got %+v, %v", end.result, end.err)
			}
			contains(t, end.text(), c.want...)
		})
		if c.name == "quota" {
			_ = b.cluster.typed.CoreV1().ResourceQuotas(b.namespace).Delete(t.Context(), "none", metav1.DeleteOptions{})
		}
	}
}

func TestRolloutTakesTooLong(t *testing.T) {
	b := newBench(t)
	manifest := strings.Replace(b.deployment("slow", "sleep 1000"), "imagePullPolicy", "readinessProbe: {exec: {command: ['false']}, periodSeconds: 1}, imagePullPolicy", 1)
	end := b.run("apply", map[string]any{"manifest": manifest, "wait_timeout": 2})
	contains(t, end.text(), "not ready after 2s: deployment.apps/slow")
	if end.result.Outcome != sdk.OutcomeFailed {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	b.succeeds("apply", map[string]any{"manifest": manifest, "wait": false})
}

// TestOnFailureRollback has everything as it was when the rollout fails.
func TestOnFailureRollback(t *testing.T) {
	b := newBench(t)
	good := configMap("settings", "good") + "---\n" + b.deployment("web", "sleep 1000")
	b.succeeds("apply", map[string]any{"manifest": good})
	bad := configMap("settings", "bad") + "---\n" + configMap("extra", "new") + "---\n" + b.deployment("web", "exit 1")
	end := b.run("apply", map[string]any{"manifest": bad, "patience": 1, "on_failure": "rollback"})
	contains(t, end.text(), "configmap/extra removed", "configmap/settings put back", "deployment.apps/web put back", "everything is back as it was")
	if b.value("settings") != "good" || b.value("extra") != "none" {
		t.Errorf("settings is %s, extra is %s", b.value("settings"), b.value("extra"))
	}
	// What is back is owned as before: the next apply meets no conflict.
	contains(t, b.succeeds("apply", map[string]any{"manifest": strings.Replace(good, `"good"`, `"better"`, 1)}), "configmap/settings configured", "deployment.apps/web ")
}

func TestCancelledRollout(t *testing.T) {
	b := newBench(t)
	manifest := configMap("one", "1") + "---\n" + strings.Replace(b.deployment("slow", "sleep 1000"), "imagePullPolicy", "readinessProbe: {exec: {command: ['false']}}, imagePullPolicy", 1)
	running, said, ended := b.start(b.client, b.request("apply", map[string]any{"manifest": manifest, "on_failure": "rollback"}))
	said.await(t, "deployment.apps/slow created")
	if err := running.Cancel(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	end := <-ended
	if end.err != nil || end.result.Outcome != sdk.OutcomeCancelled {
		t.Errorf("got %+v, %v", end.result, end.err)
	}
	if b.value("one") != "none" {
		t.Error("a cancelled apply was not put back")
	}
}
