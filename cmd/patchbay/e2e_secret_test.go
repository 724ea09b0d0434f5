package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const secretPipeline = `
name: deploys
stages:
  - name: s
    steps:
      - name: n
        secrets: [TOKEN, KEY]
        run: |
          echo "$TOKEN|$KEY"
          printf 'user:%s' "$TOKEN" | base64
          printf '%s' "$KEY" | base64
          printf '%s' "${#TOKEN} ${#KEY}"
`

// A secret's whole life on a server: stored, given out and masked, still there after a
// restart, encrypted anew with and without the server, and lost with its keys.
func TestSecretsOfAServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	wrapping := "PATCHBAY_KEYSET_KEY=" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	const token, globalToken = "hunter2-hunter2", "global-hunter2"
	key := "-----BEGIN KEY-----\n" + strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n", 20) + "-----END KEY-----\n"

	s := startServer(t, data)
	pipeline := s.create(write(t, "p.yaml", secretPipeline))
	mustWork := func(o outcome) string {
		t.Helper()
		if o.code != 0 {
			t.Fatalf("exit code %d: %s", o.code, o.stderr)
		}
		return o.stdout
	}
	mustWork(s.client("secret", "set", "TOKEN", "--from-file", write(t, "token", globalToken)))
	mustWork(s.client("secret", "set", "TOKEN", "--pipeline", pipeline, "--from-file", write(t, "token", token)))
	mustWork(s.client("secret", "set", "KEY", "--from-file", write(t, "key", key)))
	if o := s.client("secret", "set", "KEY", "--pipeline", "nosuch", "--from-file", write(t, "key", key)); o.code != exitFailed {
		t.Errorf("for a pipeline that is not there: %+v", o)
	}
	if list := mustWork(s.client("secret", "list", "--pipeline", pipeline)); !strings.Contains(list, "TOKEN") || strings.Contains(list, "KEY") {
		t.Errorf("of the pipeline: %s", list)
	}
	runs := func(s *liveServer) {
		t.Helper()
		e := s.finished(s.trigger(pipeline))
		said := e.Stages[0].Steps[0].Stdout
		if e.Status != "success" || !strings.HasSuffix(said, fmt.Sprint("\n", len(token), " ", len(key))) {
			t.Errorf("%s: %q", e.Status, said)
		}
		for _, leak := range []string{"hunter2", "MIIEvQ", base64.StdEncoding.EncodeToString([]byte(key))[30:60], "aHVudGVy", "dW50ZXIy", "dXJ1bnRlcj"} {
			if strings.Contains(said, leak) {
				t.Errorf("%q is shown:\n%s", leak, said)
			}
		}
	}
	runs(s)
	if got := mustWork(s.client("secret", "rotate")); got != "3 secrets are encrypted with a new key\n" {
		t.Errorf("rotate said %q", got)
	}
	if o := patchbay(t, "secret", "rotate", "--data", data); o.code != exitFailed || !strings.Contains(o.stderr, "--data is left out") {
		t.Errorf("beside the server: %+v", o)
	}
	runs(s)
	s.signal(syscall.SIGTERM)

	mustWork(patchbayWith(t, []string{wrapping}, "secret", "rotate", "--data", data))
	if o := patchbay(t, "server", "--listen", "127.0.0.1:0", "--data", data); o.code == 0 || !strings.Contains(o.stderr, "PATCHBAY_KEYSET_KEY") {
		t.Errorf("without the wrapping key: %+v", o)
	}
	s = startServer(t, data, wrapping)
	runs(s)
	s.signal(syscall.SIGTERM)

	for _, value := range []string{token, globalToken, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"} {
		notInFiles(t, data, value)
	}
	if err := os.Remove(filepath.Join(data, keysFile)); err != nil {
		t.Fatal(err)
	}
	o := patchbayWith(t, []string{wrapping}, "server", "--listen", "127.0.0.1:0", "--data", data)
	if o.code == 0 || !strings.Contains(o.stderr, "3 secrets are stored") {
		t.Errorf("without its keys: %+v", o)
	}
}

// notInFiles looks for a text in all files of a folder.
func notInFiles(t *testing.T, folder, text string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("%s has %q", path, text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
