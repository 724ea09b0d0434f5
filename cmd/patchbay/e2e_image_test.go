package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

const imagePipeline = `
name: ship
stages:
  - name: ship
    steps:
      - name: files
        run: |
          mkdir -p app
          printf 'FROM IMAGE\nARG VERSION\nRUN echo v$VERSION >/version\nCOPY message /\nCMD cat /message /version\n' >app/Dockerfile
          echo shipped >app/message
      - name: image
        step_type: docker
        secrets: [REGISTRY_PASSWORD]
        config:
          dockerfile: app/Dockerfile
          build_context: app
          image: shop
          tags: ["1.0", latest]
          registry: HOST/team
          args: {VERSION: 7}
          registry_auth: {server: "HOST", username: ann, password: REGISTRY_PASSWORD}
      - name: try
        step_type: docker
        config:
          image: ${{ steps.image.outputs.reference }}
          pull: never
`

// An image is built, pushed with a login that is a secret, and run by what the registry
// calls it.
func TestImageThroughAServer(t *testing.T) {
	t.Parallel()
	needDocker(t)
	const password = "hunter2-of-the-registry"
	host := privateRegistry(t, "ann", password)
	t.Cleanup(func() {
		for _, tag := range []string{"1.0", "latest"} {
			docker(t, nil, "rmi", "-f", host+"/team/shop:"+tag)
		}
	})
	data := t.TempDir()
	s := startServer(t, data)
	if o := s.client("secret", "set", "REGISTRY_PASSWORD", "--from-file", write(t, "password", password)); o.code != 0 {
		t.Fatal(o.stderr)
	}
	text := strings.NewReplacer("IMAGE", engineImage(t), "HOST", host).Replace(imagePipeline)
	e := s.finished(s.trigger(s.create(write(t, "ship.yaml", text))))
	steps := e.Stages[0].Steps
	if e.Status != "success" || steps[2].Stdout != "shipped\nv7\n" {
		t.Errorf("%s:\n%s\n%s", e.Status, steps[1].Stdout, steps[2].Stdout)
	}
	for _, want := range []string{"Step 2/5 : ARG VERSION\n", "Successfully tagged " + host + "/team/shop:1.0\n", "latest: digest: sha256:"} {
		if !strings.Contains(steps[1].Stdout, want) {
			t.Errorf("the build does not say %q but\n%s", want, steps[1].Stdout)
		}
	}
	s.signal(syscall.SIGTERM)
	notInFiles(t, data, password)
}

var registryListens = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// privateRegistry starts Debian's docker-registry on a port of its own.
func privateRegistry(t *testing.T, user, password string) string {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("%v: run scripts/test, which installs it", err)
	}
	folder := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := "version: 0.1\nstorage: {filesystem: {rootdirectory: " + folder + "/data}}\nhttp: {addr: 127.0.0.1:0}\n" +
		"auth: {htpasswd: {realm: test, path: " + folder + "/htpasswd}}\n"
	for name, content := range map[string]string{"htpasswd": user + ":" + string(hash) + "\n", "config.yml": config} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(program, "serve", filepath.Join(folder, "config.yml"))
	command.Env = []string{"OTEL_TRACES_EXPORTER=none"}
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if found := registryListens.FindStringSubmatch(lines.Text()); found != nil {
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
