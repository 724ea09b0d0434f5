package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// servicesPipeline has a step that needs a service before it waits and after.
const servicesPipeline = `
name: services
stages:
  - name: s
    steps:
      - name: a
        step_type: docker
        config:
          image: IMAGE
          script: |
            echo "begun $(nc db 9000 </dev/null)"
            echo once >>count
            echo $MARK >begun
            while [ ! -e go ]; do sleep 0.05; done
            echo "ended $(nc db 9000 </dev/null)"
          services:
            - name: db
              image: IMAGE
              command: while :; do echo hello | nc -l -p 9000; done
              health_check: {command: "grep -q :2328 /proc/net/tcp /proc/net/tcp6", interval: 100ms, retries: 100}
`

// A step with a service goes on when the connector is killed, and when the server is;
// afterwards nothing is left of either.
func TestServicesSurvive(t *testing.T) {
	t.Parallel()
	needDocker(t)
	kill := map[string]func(*testing.T, *liveServer, string) *liveServer{
		"the connector": func(t *testing.T, s *liveServer, _ string) *liveServer {
			for _, pid := range childrenOf(s.command.Process.Pid, "patchbay-connector-docker") {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
			return s
		},
		"the server": func(t *testing.T, s *liveServer, data string) *liveServer {
			s.signal(syscall.SIGKILL)
			return startServer(t, data)
		},
	}
	for what, end := range kill {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			s := startServer(t, data)
			text := strings.ReplaceAll(servicesPipeline, "IMAGE", os.Getenv("PATCHBAY_TEST_IMAGE"))
			execution := s.trigger(s.create(write(t, "p.yaml", text)))
			workspace := filepath.Join(data, "runs", execution)
			awaitFile(t, filepath.Join(workspace, "begun"))
			count, err := os.ReadFile(filepath.Join(workspace, "count"))
			if err != nil || string(count) != "once\n" {
				t.Errorf("the step ran %q, %v", count, err)
			}
			s = end(t, s, data)
			if err := os.WriteFile(filepath.Join(workspace, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			e := s.finished(execution)
			step := e.Stages[0].Steps[0]
			if e.Status != "success" || step.Stdout != "begun hello\nended hello\n" {
				t.Errorf("%+v\n%s", e, s.stderr.String())
			}
			if step.Metadata["container_id"] == "" {
				t.Errorf("metadata: %v", step.Metadata)
			}
			sum := sha256.Sum256([]byte(workspace))
			for _, list := range [][]string{{"ps", "--all"}, {"network", "ls"}} {
				left, err := exec.Command("docker", append(list, "--quiet", "--filter", "label=ci.patchbay.workspace="+hex.EncodeToString(sum[:8]))...).Output()
				if err != nil || len(left) > 0 {
					t.Errorf("docker %s: %s, %v", list, left, err)
				}
			}
		})
	}
}
