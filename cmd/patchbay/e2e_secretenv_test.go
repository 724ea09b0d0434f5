package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A secret variable gets to every step, also after the server was killed and in a retry;
// it is masked, shown by name alone, and nowhere on the disk.
func TestSecretVariable(t *testing.T) {
	t.Parallel()
	const value = "very-hidden-value-4711"
	data, dir := t.TempDir(), t.TempDir()
	s := startServer(t, data)
	pipeline := s.create(write(t, "p.yaml", `
name: p
stages:
  - name: s
    steps:
      - {name: a, run: 'echo "it is $DEPLOY_KEY"; echo x >"$DIR/begun"; while [ ! -e "$DIR/go" ]; do sleep 0.02; done'}
      - {name: b, run: 'echo "same $DEPLOY_KEY of ${#DEPLOY_KEY} characters"'}
`))
	o := patchbayWith(t, []string{"PATCHBAY_URL=" + s.url, "PATCHBAY_TOKEN=" + s.token, "DEPLOY_KEY=" + value},
		"pipeline", "trigger", pipeline, "--secret-env", "DEPLOY_KEY", "--env", "DIR="+dir, "-o", "json")
	var accepted struct {
		ExecutionID string `json:"execution_id"`
	}
	s.decode(o, &accepted)
	awaitFile(t, filepath.Join(dir, "begun"))
	s.signal(syscall.SIGKILL)
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, data)
	check := func(id string) {
		t.Helper()
		e := s.finished(id)
		var shown map[string]any
		s.get("/api/ci/executions/"+id, &shown)
		text, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		if e.Status != "success" || e.Stages[0].Steps[0].Stdout != "it is ***\n" || e.Stages[0].Steps[1].Stdout != "same *** of 22 characters\n" ||
			strings.Contains(string(text), value) || !strings.Contains(string(text), `"secret_environment":["DEPLOY_KEY"]`) {
			t.Errorf("%s", text)
		}
	}
	check(accepted.ExecutionID)
	s.decode(s.client("execution", "retry", accepted.ExecutionID, "-o", "json"), &accepted)
	check(accepted.ExecutionID)
	s.signal(syscall.SIGTERM)
	err := filepath.WalkDir(data, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(value)) {
			t.Errorf("%s has the value", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
