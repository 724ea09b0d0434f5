package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deployPipelines are of what a user writes: a step that makes the files, and one that takes
// them live. HTTP is a server on $PORT without any other program.
var deployPipelines = map[string]string{
	"local_service": `name: shop
stages:
  - name: s
    steps:
      - name: files
        run: "mkdir -p www && echo VERSION >www/version && HEALTHY && touch www/up || true"
      - name: live
        step_type: custom
        config:
          deployment_type: local_service
          service_name: web
          version: "VERSION"
          command: [BUSYBOX, httpd, -f, -vv, -p, "127.0.0.1:PORT", -h, www]
          port: PORT
          health_check: {http: /up, interval: 100ms, retries: 5}
`,
	"docker": `name: shop
stages:
  - name: s
    steps:
      - name: live
        step_type: custom
        config:
          deployment_type: docker
          service_name: e2e-deployed
          version: "VERSION"
          image: IMAGE
          command: "mkdir -p /tmp/www && echo VERSION >/tmp/www/version && { HEALTHY && touch /tmp/www/up || true; } && exec httpd -f -vv -p 80 -h /tmp/www"
          ports: [80]
          health_check: {http: /up, interval: 100ms, retries: 10}
`,
}

// TestDeployments takes a version live, then another, has a sick one rolled back, kills
// connector and server, and goes back by hand.
func TestDeployments(t *testing.T) {
	t.Parallel()
	for name, text := range deployPipelines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connector, service := "patchbay-connector-deploy", "web"
			if name == "docker" {
				needDocker(t)
				connector, service = "patchbay-connector-docker", "e2e-deployed"
				t.Cleanup(func() { removeServices(t, "e2e-deployed") })
			}
			port := freePortOf(t)
			of := func(version, healthy string) string {
				return strings.NewReplacer("VERSION", version, "HEALTHY", healthy, "BUSYBOX", busybox(t), "IMAGE", os.Getenv("PATCHBAY_TEST_IMAGE"),
					"PORT", fmt.Sprint(port)).Replace(text)
			}
			data := t.TempDir()
			s := startServer(t, data)
			id := s.create(write(t, "p.yaml", of("1", "true")))
			defer func() { s.client("service", "stop", service) }()
			deploy := func(version, healthy string, want int) {
				t.Helper()
				if o := s.client("pipeline", "update", id, write(t, "p.yaml", of(version, healthy))); o.code != 0 {
					t.Fatal(o.stderr)
				}
				if o := s.client("pipeline", "trigger", id, "-f"); o.code != want {
					t.Fatalf("%d %s %s", o.code, o.stdout, o.stderr)
				}
			}
			deploy("1", "true", 0)
			liveVersion(t, s, service, "1")
			deploy("2", "true", 0)
			liveVersion(t, s, service, "2")
			deploy("3", "false", 1)
			liveVersion(t, s, service, "2")
			for _, pid := range childrenOf(s.command.Process.Pid, connector) {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
			liveVersion(t, s, service, "2")
			s.signal(syscall.SIGKILL)
			s = startServer(t, data)
			liveVersion(t, s, service, "2")
			if o := s.client("service", "rollback", service); o.code != 0 {
				t.Fatal(o.stderr)
			}
			liveVersion(t, s, service, "1")
			if o := s.client("service", "list"); o.code != 0 || !strings.Contains(o.stdout, service) {
				t.Errorf("%+v", o)
			}
			if o := s.client("service", "logs", service); o.code != 0 || !strings.Contains(o.stdout+o.stderr, "response:200") {
				t.Errorf("the server's log of requests: %+v", o)
			}
			o := s.client("service", "stop", service)
			for end := time.Now().Add(eventually); o.code != 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				o = s.client("service", "stop", service) // what it took the place of may not have ended yet
			}
			if o.code != 0 {
				t.Error(o.stderr)
			}
			if o := s.client("service", "ports", "-o", "json"); strings.TrimSpace(o.stdout) != "[]" {
				t.Errorf("ports are left: %s", o.stdout)
			}
		})
	}
}

// liveVersion waits until a version is live, and asks it.
func liveVersion(t *testing.T, s *liveServer, service, version string) {
	t.Helper()
	var got serviceSeen
	for end := time.Now().Add(eventually); ; time.Sleep(20 * time.Millisecond) {
		s.decode(s.client("service", "get", service, "-o", "json"), &got)
		if got.State == "live" && got.Version == version {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("got %+v, want version %s", got, version)
		}
	}
	answer, err := http.Get(got.Endpoint + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || strings.TrimSpace(string(body)) != version {
		t.Errorf("%s says %q, %v", got.Endpoint, body, err)
	}
}

// busybox finds one on this machine.
func busybox(t *testing.T) string {
	t.Helper()
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		name := filepath.Join(folder, "busybox")
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	t.Skip("there is no busybox on this machine")
	return ""
}

// freePortOf finds a port that nobody listens on.
func freePortOf(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// removeServices removes the containers and images of releases that a server whose data is
// gone has kept to go back to.
func removeServices(t *testing.T, service string) {
	t.Helper()
	docker := func(arguments ...string) []string {
		command := exec.Command("docker", arguments...)
		command.Env = append(os.Environ(), "DOCKER_HOST="+os.Getenv("PATCHBAY_TEST_DOCKER"))
		out, err := command.Output()
		if err != nil {
			t.Errorf("docker %v: %v", arguments, err)
		}
		return strings.Fields(string(out))
	}
	for _, id := range docker("ps", "-aq", "--filter", "label=ci.patchbay.deployed="+service) {
		release := docker("inspect", "-f", `{{index .Config.Labels "ci.patchbay.release"}}`, id)
		docker("rm", "-f", id)
		if left := docker("images", "-q", "patchbay-release:patchbay-"+strings.Join(release, "")); len(left) > 0 {
			docker("rmi", "patchbay-release:patchbay-"+strings.Join(release, ""))
		}
	}
}
