package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What each command asks of the server, and what it shows of the answer.
func TestCommandsAsk(t *testing.T) {
	t.Parallel()
	const accepted = `{"execution_id":"e9","message":"the execution will run again"}`
	const queue = `{"paused":true,"running":1,"waiting":1,"slots":4,"entries":[{"execution_id":"e1","pipeline_id":"p","pipeline_name":"build","priority":3,"reason":"the queue is paused"}]}`
	for line, test := range map[string]struct{ asks, body, answer, shows string }{
		"pipeline trigger p -p a=1 --param b=x=y --priority -3 --changed a.go": {"POST /api/ci/pipelines/p/trigger",
			`{"changed_paths":["a.go"],"environment":{},"params":{"a":"1","b":"x=y"},"priority":-3,"trigger_type":"manual"}`, accepted, "Execution e9\n"},
		"execution retry e":          {"POST /api/ci/executions/e/retry", `{"mode":"all"}`, accepted, "Execution e9\n"},
		"execution retry e --failed": {"POST /api/ci/executions/e/retry", `{"mode":"failed"}`, accepted, "Execution e9\n"},
		"execution retry e --step n": {"POST /api/ci/executions/e/retry", `{"mode":"step","step":"n"}`, accepted, "Execution e9\n"},
		"execution retry e --step s/n": {"POST /api/ci/executions/e/retry",
			`{"mode":"step","stage":"s","step":"n"}`, accepted, "Execution e9\n"},
		"execution retry e --stage s --step a/b": {"POST /api/ci/executions/e/retry",
			`{"mode":"step","stage":"s","step":"a/b"}`, accepted, "Execution e9\n"},
		"execution retry e --param n=3 --env A=b -o json": {"POST /api/ci/executions/e/retry",
			`{"environment":{"A":"b"},"mode":"all","params":{"n":"3"}}`, accepted, accepted + "\n"},
		"execution approve e": {"POST /api/ci/executions/e/approve", `{"approved":true}`, `{"execution_id":"e","message":"approved"}`, "approved\n"},
		"execution approve e n --stage s --reject --comment no": {"POST /api/ci/executions/e/approve",
			`{"approved":false,"comment":"no","stage":"s","step":"n"}`, `{"execution_id":"e","message":"rejected"}`, "rejected\n"},
		"execution artifacts e": {"GET /api/ci/executions/e/artifacts", "",
			`[{"id":"a1","execution_id":"e","pipeline_id":"p","name":"dist","stage":"s","step":"n","size":12,"file_count":2,"created_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-02T03:04:05Z"}]`, "dist  s      n     2      12 "},
		"pipeline versions p": {"GET /api/ci/pipelines/p/versions", "", `[{"number":2,"created_at":"2026-01-02T03:04:05Z"}]`, "REVISION  CREATED\n2         2026-01-02"},
		"pipeline diff p 1":   {"GET /api/ci/pipelines/p/versions/1/diff", "", "-a\n+b\n", "-a\n+b\n"},
		"pipeline diff p 1 3": {"GET /api/ci/pipelines/p/versions/1/diff?to=3", "", "-a\n+b\n", "-a\n+b\n"},
		"pipeline diff p 1 3 -o json": {"GET /api/ci/pipelines/p/versions/1/diff?to=3", "", "-a\n+b\n",
			"{\n  \"from\": 1,\n  \"to\": 3,\n  \"diff\": \"-a\\n+b\\n\"\n}\n"},
		"pipeline restore p 1": {"POST /api/ci/pipelines/p/versions/1/restore", "",
			`{"id":"p","name":"build","description":"","revision":4,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}`, "Pipeline build is at revision 4, with the text of 1\n"},
		"queue":                     {"GET /api/queue", "", queue, "1 of 4 slots taken, 1 waiting, paused\nEXECUTION  PIPELINE  PRIORITY  WAITS FOR\ne1         build     3         the queue is paused\n"},
		"queue pause":               {"POST /api/queue/pause", "", queue, "1 of 4 slots taken"},
		"queue resume":              {"POST /api/queue/resume", "", queue, "1 of 4 slots taken"},
		"queue drain":               {"POST /api/queue/drain?timeout=60", "", queue, "1 of 4 slots taken"},
		"queue drain --timeout 90s": {"POST /api/queue/drain?timeout=90", "", queue, "1 of 4 slots taken"},
		"queue -o json":             {"GET /api/queue", "", queue, queue + "\n"},
		"schedule list": {"GET /api/ci/schedules", "", `[{"pipeline_id":"p","pipeline_name":"build","cron_expression":"0 4 * * *","timezone":"Europe/Berlin"}]`,
			"build     0 4 * * *  Europe/Berlin              p\n"},
		"execution get e": {"GET /api/ci/executions/e", "", waitingExecution, "Repeats:   old (step n)\nParameter: a=1\nParameter: b=2\n\n" +
			"STAGE  STEP      STATUS                DURATION  REASON\ns      approval  waiting                         waits for an approval: sure?\ns      n         success (taken over)            \n"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var asked, sent string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, _ := io.ReadAll(r.Body)
				asked, sent = r.Method+" "+r.URL.String(), string(data)
				fmt.Fprint(w, test.answer)
			}))
			defer server.Close()
			a, stdout, stderr := clientApp(server.URL)
			if code := a.main(t.Context(), strings.Fields(line)); code != 0 {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			if asked != test.asks || !strings.Contains(stdout.String(), test.shows) {
				t.Errorf("asked %s; showed:\n%s\nwant:\n%s", asked, stdout, test.shows)
			}
			if diff := cmp.Diff(test.body, strings.TrimSpace(sent)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const waitingExecution = `{"id":"e","pipeline_id":"p","pipeline_name":"build","revision":1,"number":2,"status":"running","trigger_info":{"trigger_type":"manual"},
	"retry":{"of":"old","mode":"step","step":"n"},"params":{"b":"2","a":"1"},"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z",
	"stages":[{"name":"s","status":"waiting","steps":[
		{"index":0,"name":"approval","status":"waiting","connector":"","attempts":0,"approval":{"message":"sure?","requested_at":"2026-01-02T03:04:05Z"}},
		{"index":1,"name":"n","status":"success","connector":"shell","attempts":1,"reused":true}]}]}`

func TestCommandsRefuse(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"pipeline trigger p --param a":             "--param \"a\" is not of the form NAME=value",
		"execution retry e --env =b":               "NAME=value",
		"execution retry e --stage s":              "--stage needs --step",
		"execution retry e --failed --step n":      "failed",
		"execution retry":                          "arg",
		"execution approve":                        "arg",
		"execution approve a b c":                  "arg",
		"execution artifacts e --name n":           "--name needs --download",
		"pipeline diff p":                          "arg",
		"pipeline diff p x":                        "\"x\" is not the number of a revision",
		"pipeline diff p 1 0":                      "\"0\" is not the number of a revision",
		"pipeline restore p -- -1":                 "\"-1\" is not the number of a revision",
		"queue drain --timeout x":                  "timeout",
		"execution artifacts e --download d --odd": "odd",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			a, _, stderr := clientApp("http://127.0.0.1:1")
			if code := a.main(t.Context(), strings.Fields(line)); code != exitUsage || !strings.Contains(stderr.String(), want) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}
