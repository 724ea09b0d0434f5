package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core/secrets"
)

// What the commands ask of the server, and what they show; a value is never shown.
func TestSecretCommands(t *testing.T) {
	t.Parallel()
	const list = `[{"name":"A","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z","updated_by":"ann"}]`
	file := write(t, "value", "from a file\n")
	type call struct{ stdin, asks, body, answer, shows, warns string }
	for line, test := range map[string]call{
		"secret set A":                     {"hunter2\n", "PUT /api/secrets/A", `{"value":"hunter2"}`, "", "stored A\n", ""},
		"secret set A --pipeline p":        {"hunter2", "PUT /api/secrets/A?pipeline_id=p", `{"value":"hunter2"}`, "", "stored A\n", ""},
		"secret set B":                     {"two\nlines\n\n", "PUT /api/secrets/B", `{"value":"two\nlines\n"}`, "", "stored B\n", ""},
		"secret set C":                     {"windows\r\n", "PUT /api/secrets/C", `{"value":"windows"}`, "", "stored C\n", ""},
		"secret set D -o json":             {"hunter2\n", "PUT /api/secrets/D", `{"value":"hunter2"}`, "", "{\n  \"message\": \"stored D\"\n}\n", ""},
		"secret set E":                     {"true\n", "PUT /api/secrets/E", `{"value":"true"}`, "", "stored E\n", "too common a word"},
		"secret set F --from-file " + file: {"", "PUT /api/secrets/F", `{"value":"from a file\n"}`, "", "stored F\n", ""},
		"secret list":                      {"", "GET /api/secrets", "", list, "NAME  UPDATED", ""},
		"secret list --pipeline p":         {"", "GET /api/secrets?pipeline_id=p", "", list, "ann", ""},
		"secret list -o json":              {"", "GET /api/secrets", "", list, list + "\n", ""},
		"secret delete A":                  {"", "DELETE /api/secrets/A", "", "", "deleted A\n", ""},
		"secret delete A --pipeline p":     {"", "DELETE /api/secrets/A?pipeline_id=p", "", "", "deleted A\n", ""},
		"secret rotate": {"", "POST /api/secrets/rotate", "", `{"message":"done","secrets":3}`,
			"3 secrets are encrypted with a new key\n", ""},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var asked, sent string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, _ := io.ReadAll(r.Body)
				asked, sent = r.Method+" "+r.URL.String(), string(data)
				if test.answer == "" {
					w.WriteHeader(http.StatusNoContent)
				}
				fmt.Fprint(w, test.answer)
			}))
			defer server.Close()
			a, stdout, stderr := clientApp(server.URL)
			a.stdin = strings.NewReader(test.stdin)
			if code := a.main(t.Context(), strings.Fields(line)); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if asked != test.asks || !strings.Contains(stdout.String(), test.shows) {
				t.Errorf("asked %s; showed:\n%s\nwant:\n%s", asked, stdout, test.shows)
			}
			if diff := cmp.Diff(test.body, strings.TrimSpace(sent)); diff != "" {
				t.Error(diff)
			}
			said := stderr.String()
			if (said != "") != (test.warns != "") || !strings.Contains(said, test.warns) || strings.Contains(said+stdout.String(), "hunter2") {
				t.Errorf("said %q", said)
			}
		})
	}
}

func TestBadUsageOfSecrets(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"secret set":                          "arg",
		"secret set A value":                  "arg",
		"secret set A --from-file /nowhere/f": "/nowhere/f",
		"secret set A --from-file /dev/zero":  "more than 65536 bytes",
		"secret set A":                        "more than 65536 bytes",
		"secret delete":                       "arg",
		"secret list A":                       "arg",
		"secret rotate --data /nowhere":       "/nowhere is no data folder",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			a, _, stderr := clientApp("http://127.0.0.1:1")
			a.stdin = strings.NewReader(strings.Repeat("x", secrets.MaxValue+1) + "\r\n\r\n")
			if code := a.main(t.Context(), strings.Fields(line)); code != exitUsage || !strings.Contains(stderr.String(), want) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}
