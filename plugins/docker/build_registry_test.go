package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"github.com/patchbay-ci/patchbay/sdk"
)

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// realRegistry starts Debian's docker-registry on a port of its own, for user and
// password if they are given, and returns its host.
func realRegistry(t *testing.T, user, password string) string {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%v: run scripts/test, which installs it", err)
	}
	folder := t.TempDir()
	config := "version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: " + folder + "/data}}\nhttp: {addr: 127.0.0.1:0}\n"
	if user != "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(folder+"/htpasswd", []byte(user+":"+string(hash)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		config += "auth: {htpasswd: {realm: test, path: " + folder + "/htpasswd}}\n"
	}
	file := filepath.Join(folder, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.Background(), program, "serve", file)
	command.Env = []string{"OTEL_TRACES_EXPORTER=none"}
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout = command.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go func() {
				for lines.Scan() { // so that it can go on logging
				}
			}()
			return found[1]
		}
	}
	t.Fatal("the registry did not come up")
	return ""
}

// manifest asks a registry for the digest of a tag.
func manifest(t *testing.T, host, repository, tag, user, password string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+host+"/v2/"+repository+"/manifests/"+tag, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json")
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.Header.Get("Docker-Content-Digest")
}

func TestBuildAndPush(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	host := realRegistry(t, "", "")
	b.forget(host + "/team/app")
	b.put(map[string]string{"Dockerfile": "FROM " + b.image + "\nRUN echo pushed >/mark; : " + uuid.NewString() + "\n"})
	step := b.buildIt(map[string]any{"image": "app", "tags": []string{"1.0", "latest"}, "registry": "http://" + host + "/team/"})
	step.succeeded(t)
	digest := step.outputs["digest"]
	for _, tag := range []string{"1.0", "latest"} {
		if got := manifest(t, host, "team/app", tag, "", ""); got != digest || got == "" {
			t.Errorf("%s is %q in the registry; the step said %q", tag, got, digest)
		}
	}
	if step.outputs["image"] != host+"/team/app:1.0" || step.outputs["reference"] != host+"/team/app@"+digest {
		t.Errorf("outputs: %v", step.outputs)
	}
	for _, want := range []string{"The push refers to repository [" + host + "/team/app]", ": Pushed\n", ": Layer already exists\n", "latest: digest: " + digest} {
		if !strings.Contains(step.stdout.String(), want) {
			t.Errorf("it does not say %q but\n%s", want, step.stdout.String())
		}
	}
	if got := b.says(step.outputs["reference"], "cat", "/mark"); got != "pushed\n" {
		t.Errorf("the image says %q", got)
	}
	t.Run("named by a registry, and not pushed", func(t *testing.T) {
		step := b.buildIt(map[string]any{"image": "app:mine", "registry": host + "/team", "push": false})
		step.succeeded(t)
		if got := manifest(t, host, "team/app", "mine", "", ""); got != "" || step.outputs["image"] != host+"/team/app:mine" {
			t.Errorf("there is %q; outputs %v", got, step.outputs)
		}
	})
	t.Run("layers of a pushed image as cache", func(t *testing.T) {
		api := b.connector.engine.api
		for _, name := range []string{host + "/team/app:1.0", host + "/team/app:latest", host + "/team/app:mine"} {
			if _, err := api.ImageRemove(t.Context(), name, image.RemoveOptions{PruneChildren: true}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := api.ImageInspect(t.Context(), step.outputs["image_id"]); !errdefs.IsNotFound(err) {
			t.Fatalf("the image is still there: %v", err)
		}
		again := b.buildIt(map[string]any{"cache_from": host + "/team/app:1.0", "image": b.name()})
		again.succeeded(t)
		if !strings.Contains(again.stdout.String(), "Using cache") || strings.Contains(again.stdout.String(), "Running in") {
			t.Errorf("it said\n%s", again.stdout.String())
		}
	})
	t.Run("there is no such image for a cache", func(t *testing.T) {
		step := b.buildIt(map[string]any{"cache_from": host + "/team/none", "image": b.name()})
		step.succeeded(t)
		if !strings.Contains(step.stdout.String(), "warning: cache_from: the image "+host+"/team/none cannot be pulled") {
			t.Errorf("it said\n%s", step.stdout.String())
		}
	})
}

func TestPushWithALogin(t *testing.T) {
	t.Parallel()
	const user, password = "ann", "pass-7Kq2word"
	b := newBench(t)
	host := realRegistry(t, user, password)
	b.forget(host + "/app")
	b.forget(host + "/base")
	b.put(map[string]string{"Dockerfile": "FROM " + b.image + "\nLABEL a=b\n", "private": "FROM " + host + "/base\nLABEL c=d\n"})
	auth := map[string]any{"server": host, "username": user, "password": "REGISTRY_PASSWORD"}
	file, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"username": user, "password": password}}})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		auth    any
		secrets map[string]string
		want    string
	}{
		"right":                {auth, map[string]string{"REGISTRY_PASSWORD": password}, ""},
		"by a file":            {nil, map[string]string{"DOCKER_AUTH_CONFIG": string(file)}, ""},
		"a wrong password":     {auth, map[string]string{"REGISTRY_PASSWORD": "wrong-password"}, "check the user name and the secret that registry_auth (or DOCKER_AUTH_CONFIG) has for " + host},
		"none":                 {nil, nil, "give the step a login for " + host},
		"for another registry": {map[string]any{"server": "example.com", "username": user, "password": "REGISTRY_PASSWORD"}, map[string]string{"REGISTRY_PASSWORD": password}, "give the step a login"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			config := map[string]any{"image": host + "/app", "push": true}
			if c.auth != nil {
				config["registry_auth"] = c.auth
			}
			step := b.buildWith(config, c.secrets)
			for _, secret := range c.secrets {
				if strings.Contains(step.stdout.String()+strings.Join(step.progress, "\n"), secret) {
					t.Error("it says the secret")
				}
			}
			if c.want == "" {
				step.succeeded(t)
				if got := manifest(t, host, "app", "latest", user, password); got != step.outputs["digest"] {
					t.Errorf("there is %q, want %q", got, step.outputs["digest"])
				}
				return
			}
			problem, ok := step.err.(*sdk.Error)
			if !ok || problem.Class != sdk.ClassAuthentication || !strings.Contains(problem.Suggestion, c.want) || !strings.Contains(problem.Message, host) {
				t.Errorf("got %+v, %#v", step.result, step.err)
			}
		})
	}
	t.Run("a private base image", func(t *testing.T) {
		secrets := map[string]string{"REGISTRY_PASSWORD": password}
		b.buildWith(map[string]any{"image": host + "/base", "push": true, "registry_auth": auth}, secrets).succeeded(t)
		config := map[string]any{"image": b.name(), "dockerfile": "private", "pull": true}
		if step := b.buildIt(config); sdk.ClassOf(step.err) != sdk.ClassAuthentication {
			t.Errorf("without a login: got %+v, %v", step.result, step.err)
		}
		config["registry_auth"] = auth
		b.buildWith(config, secrets).succeeded(t)
	})
}

// TestPushOfWhatAnotherStepBuilt builds, and pushes in a step of its own.
func TestPushOfWhatAnotherStepBuilt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	host := realRegistry(t, "", "")
	b.forget(host + "/app")
	b.forget(host + "/other")
	name := b.name("1")
	built := b.buildIt(map[string]any{"image": name, "dockerfile_inline": "FROM " + b.image + "\nLABEL a=b\n"})
	built.succeeded(t)
	push := func(config map[string]any) *builtStep {
		r := b.toBuild(config, nil)
		r.Step.Action = "push"
		_, step, ended := b.begin(b.client, r)
		<-ended
		return step
	}
	for _, image := range []string{name, built.outputs["image_id"]} {
		step := push(map[string]any{"image": image, "tags": []string{host + "/other:2", host + "/app:latest"}})
		step.succeeded(t)
		if got := manifest(t, host, "app", "latest", "", ""); got == "" || got != step.outputs["digest"] {
			t.Errorf("%s: there is %q; outputs %v", image, got, step.outputs)
		}
	}
	if step := push(map[string]any{"image": "patchbay-test/none", "registry": host}); sdk.ClassOf(step.err) != sdk.ClassNotFound {
		t.Errorf("got %+v, %v", step.result, step.err)
	}
	if step := push(map[string]any{"image": built.outputs["image_id"]}); sdk.ClassOf(step.err) != sdk.ClassInvalidConfig {
		t.Errorf("an ID alone: got %+v, %v", step.result, step.err)
	}
}

func TestPushToNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	listener.Close()
	b.forget(host + "/app")
	step := b.buildIt(map[string]any{"image": host + "/app", "push": true, "dockerfile_inline": "FROM " + b.image + "\n"})
	if sdk.ClassOf(step.err) != sdk.ClassExternalService || !strings.Contains(step.err.Error(), "cannot be pushed to "+host) {
		t.Errorf("got %+v, %v", step.result, step.err)
	}
	if !strings.Contains(step.stdout.String(), "try 3 of 4") {
		t.Errorf("it said\n%s", step.stdout.String())
	}
}
