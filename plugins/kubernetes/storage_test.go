package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// TestClaim has the workspace on a claim, which is bound to a volume and goes with the
// step.
func TestClaim(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	folder := t.TempDir()
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: b.namespace},
		Spec: corev1.PersistentVolumeSpec{StorageClassName: b.namespace, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: folder}}}}
	if err := b.cluster.core.Post().Resource("persistentvolumes").Body(volume).Do(t.Context()).Error(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.cluster.core.Delete().Resource("persistentvolumes").Name(volume.Name).Do(context.Background()).Error()
	})
	if err := os.WriteFile(filepath.Join(b.workspace, "given"), []byte("g"), 0o644); err != nil {
		t.Fatal(err)
	}
	result, said, err := b.run(b.request(map[string]any{"script": "cat given; echo; echo made >made",
		"parameters": map[string]any{"use_pvc": true, "storage_class": b.namespace, "storage_size": "1Gi"}}))
	if err != nil || result.Outcome != sdk.OutcomeSucceeded || said.stdout.String() != "g\n" {
		t.Fatalf("%+v, %v: %q", result, err, said.stdout.String())
	}
	for _, dir := range []string{b.workspace, folder} {
		if made, err := os.ReadFile(filepath.Join(dir, "made")); err != nil || string(made) != "made\n" {
			t.Errorf("%s has %q, %v", dir, made, err)
		}
	}
}

// TestClone clones from a real Git server on this machine, with a token.
func TestClone(t *testing.T) {
	t.Parallel()
	requireCluster(t)
	server := gitServer(t, "t0ken")
	for name, test := range map[string]struct {
		config map[string]any
		token  string
		want   string
	}{
		"default":    {map[string]any{}, "t0ken", "second\n"},
		"branch":     {map[string]any{"branch": "old"}, "t0ken", "first\n"},
		"wrong":      {map[string]any{}, "other", ""},
		"no branch":  {map[string]any{"branch": "none"}, "t0ken", ""},
		"old commit": {map[string]any{"commit": server.first}, "t0ken", "first\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			test.config["script"], test.config["repository_url"], test.config["repository_token"] = "cat file", server.url, "GIT"
			r := b.request(test.config)
			r.Step.Secrets = map[string]string{"GIT": test.token}
			result, said, err := b.run(r)
			if err != nil || said.stdout.String() != test.want || (result.Outcome == sdk.OutcomeSucceeded) != (test.want != "") {
				t.Errorf("%+v, %v: %q", result, err, said.stdout.String())
			}
			t.Log(result.Message)
			if file, err := os.ReadFile(filepath.Join(b.workspace, "file")); test.want != "" && string(file) != test.want {
				t.Errorf("the run's workspace has %q, %v", file, err)
			}
		})
	}
}

type repository struct{ url, first string }

// gitServer serves a repository with two commits to who has the token, on the address
// by which pods reach this machine.
func gitServer(t *testing.T, token string) repository {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) string {
		command := exec.Command("git", args...)
		command.Dir = dir
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	for i, text := range []string{"first\n", "second\n"} {
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", "file")
		git("commit", "-q", "-m", text)
		if i == 0 {
			git("branch", "old")
		}
	}
	handler := &cgi.Handler{Path: filepath.Join(git("--exec-path"), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	listener, err := net.Listen("tcp", machineAddress(t)+":0")
	if err != nil {
		t.Fatal(err)
	}
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return repository{url: server.URL + "/.git", first: git("rev-parse", "old")}
}

// machineAddress is one of this machine that is not its loopback: that is the pod's
// own.
func machineAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
			return network.IP.String()
		}
	}
	t.Fatal("this machine has no address but its loopback")
	return ""
}

// TestRegistryAuth looks at the Secret that the node takes credentials from.
func TestRegistryAuth(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.request(map[string]any{"script": once, "parameters": map[string]any{"use_hostpath": true},
		"registry_auth": map[string]any{"server": "registry.example.com", "username": "u", "password": "PASS"}})
	r.Step.Secrets = map[string]string{"PASS": "p4ss"}
	_, said, ended := b.start(b.client, r)
	said.awaitOutput(t, "before")
	secret := &corev1.Secret{}
	if err := b.cluster.get(t.Context(), secrets, jobName(r.Step.AttemptID)+"-registry", secret); err != nil {
		t.Fatal(err)
	}
	var content struct{ Auths map[string]map[string]string }
	if err := json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &content); err != nil {
		t.Fatal(err)
	}
	if got := content.Auths["registry.example.com"]; got["username"] != "u" || got["password"] != "p4ss" {
		t.Errorf("the Secret has %v", got)
	}
	pod := oldestPod(t, b, r)
	if len(pod.Spec.ImagePullSecrets) != 1 || pod.Spec.ImagePullSecrets[0].Name != secret.Name {
		t.Errorf("the pod pulls with %v", pod.Spec.ImagePullSecrets)
	}
	text, err := json.Marshal(pod)
	if err != nil || strings.Contains(string(text), "p4ss") {
		t.Errorf("the secret is in the pod's specification, or: %v", err)
	}
	b.letFinish()
	if end := <-ended; end.err != nil || end.result.Outcome != sdk.OutcomeSucceeded {
		t.Errorf("it ended so: %+v", end)
	}
}

func oldestPod(t *testing.T, b *bench, r sdk.RunRequest) *corev1.Pod {
	t.Helper()
	list := &corev1.PodList{}
	if err := b.cluster.list(t.Context(), pods, metav1.ListOptions{LabelSelector: ofAttempt(r.Step.AttemptID)}, list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 {
		t.Fatalf("the attempt has %d pods", len(list.Items))
	}
	return &list.Items[0]
}
