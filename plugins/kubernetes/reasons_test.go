package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestReasons sees that what keeps a step from running is said, and not waited for.
func TestReasons(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		config map[string]any
		class  sdk.ErrorClass
		says   string
	}{
		{"no image", map[string]any{"image": "127.0.0.1:1/nobody/nothing:1", "image_pull_policy": "Always"}, sdk.ClassExternalService, "127.0.0.1:1/nobody/nothing:1 cannot be pulled"},
		{"never pulled", map[string]any{"image": "nobody/nothing:1"}, sdk.ClassNotFound, "does not have the image"},
		{"bad image name", map[string]any{"image": "UPPER/case:1", "image_pull_policy": "Always"}, sdk.ClassInvalidConfig, "repository name must be lowercase"},
		{"unschedulable", map[string]any{"schedule_timeout": 1, "node_selector": map[string]string{"disk": "none"}}, sdk.ClassExternalService, "0/1 nodes are available"},
		{"too much", map[string]any{"schedule_timeout": "1s", "parameters": map[string]any{"resource_requests": map[string]any{"memory": "900Gi"}}}, sdk.ClassExternalService, "Insufficient memory"},
		{"no service account", map[string]any{"parameters": map[string]any{"service_account": "nobody"}}, sdk.ClassNotFound, "no service account nobody"},
		{"no namespace", map[string]any{"namespace": "no-such-namespace"}, sdk.ClassNotFound, "no namespace no-such-namespace"},
		{"no storage class", map[string]any{"schedule_timeout": "5s", "parameters": map[string]any{"use_pvc": true, "storage_class": "none"}}, sdk.ClassExternalService, "the claim for the workspace gets no volume"},
		{"root is refused", map[string]any{"security_context": map[string]any{"run_as_non_root": true}}, sdk.ClassInvalidConfig, "as root"},
		{"no context", map[string]any{"context": "elsewhere"}, sdk.ClassInvalidConfig, "no context"},
		{"no kubeconfig", map[string]any{"kubeconfig": "PROD"}, sdk.ClassInvalidConfig, "secret PROD"},
		{"files without tar", map[string]any{"helper_image": "patchbay-test/bare:local"}, sdk.ClassInvalidConfig, "no sh or no tar"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if _, given := test.config["script"]; !given {
				test.config["script"] = "true"
			}
			began := time.Now()
			result, said, err := b.run(b.request(test.config))
			t.Logf("after %s: %v", time.Since(began).Round(100*time.Millisecond), err)
			if err == nil {
				t.Fatalf("it ended: %+v: %s", result, said.stdout.String())
			}
			if got := sdk.ClassOf(err); got != test.class || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %s: %v", got, err)
			}
		})
	}
}

// TestOutOfMemory needs a limit of the real kernel.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	result, _, err := b.run(b.request(map[string]any{"command": []string{"sh", "-c", "exec tail /dev/zero"},
		"parameters": map[string]any{"resource_limits": map[string]any{"memory": "24Mi"}}}))
	if err != nil || result.Signal != "SIGKILL" || !strings.Contains(result.Message, "memory") {
		t.Errorf("it ended so: %+v, %v", result, err)
	}
}

// TestQuota sees that a namespace without room is waited for, and named.
func TestQuota(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.namespace = makeNamespace(t, b.cluster)
	b.cluster = openNamespace(t, b.namespace)
	t.Cleanup(func() {
		_ = b.cluster.core.Delete().Resource("namespaces").Name(b.namespace).Do(context.Background()).Error()
	})
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "full"},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}}
	if err := b.cluster.create(t.Context(), "resourcequotas", quota, &corev1.ResourceQuota{}); err != nil {
		t.Fatal(err)
	}
	r := b.request(map[string]any{"script": "true", "schedule_timeout": "3s"})
	_, said, err := b.run(r)
	if err == nil || !strings.Contains(err.Error(), "quota has no room") {
		t.Errorf("the error is %v", err)
	}
	if len(said.progress) == 0 || !strings.Contains(said.progress[0], "quota") {
		t.Errorf("it said %q meanwhile", said.progress)
	}
}

// TestRemovedPod sees that a step whose pod is taken away is not run again.
func TestRemovedPod(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": once, "parameters": map[string]any{"use_hostpath": true}})
	_, said, ended := b.start(b.client, r)
	said.awaitOutput(t, "before")
	if err := b.cluster.removePods(t.Context(), r.Step.AttemptID, 1); err != nil {
		t.Fatal(err)
	}
	end := <-ended
	if sdk.ClassOf(end.err) != sdk.ClassLost {
		t.Errorf("it ended so: %+v, %v", end.result, end.err)
	}
	b.ranOnce()
}

// TestEvicted has a step use more of the node's disk than it may.
func TestEvicted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, _, err := b.run(b.request(map[string]any{"script": "head -c 50000000 /dev/zero >/tmp/large; sleep 600", "workspace": "none",
		"parameters": map[string]any{"resource_limits": map[string]any{"ephemeral_storage": "1Mi"}}}))
	if sdk.ClassOf(err) != sdk.ClassExternalService || !strings.Contains(err.Error(), "evicted") {
		t.Errorf("the error is %v", err)
	}
	t.Log(err)
}

// TestForbidden has an identity without rights.
func TestForbidden(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	text, err := os.ReadFile(os.Getenv("PATCHBAY_TEST_KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	r := b.request(map[string]any{"script": "true", "kubeconfig": "K"})
	r.Step.Secrets = map[string]string{"K": strings.Replace(string(text), "user: {token:", "user: {as: nobody, token:", 1)}
	_, _, err = b.run(r)
	if sdk.ClassOf(err) != sdk.ClassAuthentication || !strings.Contains(err.Error(), `"nobody" cannot create resource "jobs"`) {
		t.Errorf("the error is %v", err)
	}
}

// TestDeadline has a step that nobody stops when its time is up.
func TestDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": "trap 'exit 9' TERM; while :; do sleep 0.2; done", "workspace": "none"})
	r.Deadline = time.Now().Add(5*time.Second - deadlineSlack)
	if _, _, err := b.run(r); sdk.ClassOf(err) != sdk.ClassTimeout {
		t.Errorf("the error is %v", err)
	}
}
