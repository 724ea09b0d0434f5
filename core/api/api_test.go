package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/patchbay-ci/patchbay/core"
)

func TestPipelineLife(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	source, err := json.Marshal(PipelineSource{YamlContent: hello})
	if err != nil {
		t.Fatal(err)
	}
	created := decoded[Pipeline](t, b.do("POST", "/api/ci/pipelines", "application/json", string(source)))
	if created.Name != "hello" || created.Description != "says so" || created.Revision != 1 {
		t.Errorf("%+v", created)
	}
	path := "/api/ci/pipelines/" + created.Id
	if a := b.do("GET", path+"/yaml", "", ""); a.body != hello || a.header.Get("Content-Type") != yamlKey {
		t.Errorf("%+v", a)
	}
	updated := decoded[Pipeline](t, b.do("PUT", path, yamlKey, strings.Replace(hello, "hello", "bye", 1)))
	if updated.Name != "bye" || updated.Revision != 2 {
		t.Errorf("%+v", updated)
	}
	if got := decoded[Pipeline](t, b.do("GET", path, "", "")); got.Name != "bye" {
		t.Errorf("%+v", got)
	}
	if versions := decoded[[]Version](t, b.do("GET", path+"/versions", "", "")); len(versions) != 2 || versions[0].Number != 2 {
		t.Errorf("%+v", versions)
	}
	if first := decoded[Version](t, b.do("GET", path+"/versions/1", "", "")); *first.YamlContent != hello {
		t.Errorf("%+v", first)
	}
	if a := b.do("DELETE", path, "", ""); a.status != http.StatusNoContent {
		t.Errorf("%+v", a)
	}
	if a := b.do("GET", path, "", ""); a.status != http.StatusNotFound {
		t.Errorf("%+v", a)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var pipelines, executions []string
	for range 5 {
		pipelines = append(pipelines, b.create())
	}
	for range 5 {
		executions = append(executions, b.trigger(pipelines[0]))
	}
	b.trigger(pipelines[1])
	for name, list := range map[string]struct {
		path string
		want []string
	}{
		"pipelines":  {"/api/ci/pipelines?limit=2", pipelines},
		"executions": {"/api/ci/executions?limit=2&pipeline_id=" + pipelines[0], executions},
	} {
		var got []string
		for path := list.path; path != ""; {
			a := b.do("GET", path, "", "")
			for _, item := range decoded[[]struct{ Id string }](t, a) {
				got = append([]string{item.Id}, got...)
			}
			path, _, _ = strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), ">")
		}
		if fmt.Sprint(got) != fmt.Sprint(list.want) {
			t.Errorf("%s: %v, want %v", name, got, list.want)
		}
	}
	if list := decoded[[]Execution](t, b.do("GET", "/api/ci/executions?status=success", "", "")); len(list) != 0 {
		t.Errorf("%d executions have succeeded", len(list))
	}
}

func TestExecution(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	path := "/api/ci/executions/" + id
	e := decoded[Execution](t, b.do("GET", path, "", ""))
	if e.Status != "pending" || (*e.Stages)[0].Status != "pending" || *e.TriggerInfo.Branch != "main" || *e.TriggerInfo.TriggeredBy != "admin" ||
		(*e.Environment)["A"] != "1" || *(*e.Stages)[0].Steps[0].Command != "echo hi" {
		t.Errorf("before it begins: %+v", e)
	}
	began, code := time.Now().UTC().Add(-time.Second), 3
	ended := began.Add(500 * time.Millisecond)
	run := &core.StepRun{ExecutionID: id, Index: 0, Stage: "s", Name: "n", Status: core.StatusFailed, Reason: "exit code 3", StartedAt: &began, FinishedAt: &ended,
		Attempts: []core.Attempt{{Number: 1, Status: core.StatusFailed, ExitCode: &code}}}
	if err := b.store.SaveStepRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	b.say(id, 0, core.StreamStdout, 0, "hi\n")
	b.say(id, 0, core.StreamStderr, 0, strings.Repeat("e", maxOutput)+"end\n")
	e = decoded[Execution](t, b.do("GET", path, "", ""))
	step := (*e.Stages)[0].Steps[0]
	if step.Status != "failed" || *step.ExitCode != 3 || *step.Stdout != "hi\n" || len(*step.Stderr) != maxOutput ||
		!strings.HasSuffix(*step.Stderr, "end\n") || *step.Duration != 0.5 || (*e.Stages)[0].Status != "running" || len(*e.Logs) != 3 { // a line longer than a record is two entries
		t.Errorf("in the middle: %+v", e)
	}
	if a := b.do("GET", path+"/logs?stream=stdout", "", ""); a.body != "hi\n" {
		t.Errorf("log: %q", a.body)
	}
	for _, method := range []string{"DELETE", "POST"} {
		if a := b.do(method, path+"/cancel", "", ""); a.status != http.StatusOK || decoded[Accepted](t, a).ExecutionId != id {
			t.Errorf("cancel by %s: %+v", method, a)
		}
	}
	b.engine = func(context.Context, string, string) error { return core.Errorf(core.CodeConflict, "it has ended") }
	if a := b.do("DELETE", path+"/cancel", "", ""); a.status != http.StatusConflict {
		t.Errorf("cancel again: %+v", a)
	}
}

// say appends to an execution's log.
func (b *bench) say(id string, step int, stream core.LogStream, offset int64, text string) {
	b.t.Helper()
	w, err := b.logs.OpenLog(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	defer w.Close()
	if err := w.Append(core.LogRecord{Time: time.Now(), Step: step, Attempt: 1, Stream: stream, Offset: offset, Data: []byte(text)}); err != nil {
		b.t.Fatal(err)
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		field, file, content string
		status               int
	}{
		"pipeline":       {"pipeline", "a.yaml", hello, 201},
		"file":           {"file", "a.yml", hello, 201},
		"yaml":           {"yaml", "A.YAML", hello, 201},
		"other field":    {"other", "a.yaml", hello, 400},
		"other ending":   {"file", "a.txt", hello, 415},
		"too large":      {"file", "a.yaml", strings.Repeat("#", maxSource+1), 413},
		"much too large": {"file", "a.yaml", strings.Repeat("#", maxSource+2*maxEnvelope), 413},
		"invalid":        {"file", "a.yaml", "name: [", 400},
	} {
		t.Run(name, func(t *testing.T) {
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			part, err := form.CreateFormFile(test.field, test.file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(part, test.content); err != nil {
				t.Fatal(err)
			}
			if err := form.Close(); err != nil {
				t.Fatal(err)
			}
			a := b.do("POST", "/api/ci/pipelines/upload", form.FormDataContentType(), body.String())
			if a.status != test.status {
				t.Errorf("%d, want %d: %s", a.status, test.status, a.body)
			}
		})
	}
	if a := b.do("POST", "/api/ci/pipelines/upload", "text/plain", hello); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("no form: %d", a.status)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	pipeline := b.create()
	for name, test := range map[string]struct {
		method, path, kind, body string
		status                   int
		family                   ErrorError
		want                     string
	}{
		"no such route":        {"GET", "/api/nothing", "", "", 404, ValidationError, "/api/nothing"},
		"outside of the API":   {"GET", "/", "", "", 404, ValidationError, ""},
		"wrong method":         {"PATCH", "/api/ci/pipelines", "", "", 405, ValidationError, "PATCH"},
		"no such pipeline":     {"GET", "/api/ci/pipelines/none", "", "", 404, ValidationError, "none"},
		"no such execution":    {"GET", "/api/ci/executions/none", "", "", 404, ValidationError, "none"},
		"no such log":          {"GET", "/api/ci/executions/none/logs", "", "", 404, ValidationError, "none"},
		"no such connector":    {"GET", "/api/connectors/none", "", "", 404, ValidationError, "none"},
		"no such version":      {"GET", "/api/ci/pipelines/" + pipeline + "/versions/9", "", "", 404, ValidationError, ""},
		"version of no number": {"GET", "/api/ci/pipelines/" + pipeline + "/versions/x", "", "", 400, ValidationError, "number"},
		"limit":                {"GET", "/api/ci/executions?limit=0", "", "", 400, ValidationError, "between 1 and 500"},
		"limit of no number":   {"GET", "/api/ci/executions?limit=x", "", "", 400, ValidationError, "limit"},
		"status":               {"GET", "/api/ci/executions?status=odd", "", "", 400, ValidationError, "odd"},
		"broken YAML":          {"POST", "/api/ci/pipelines", yamlKey, "name: [", 400, ValidationError, "1:"},
		"broken pipeline":      {"POST", "/api/ci/pipelines", yamlKey, "name: a\nstagess: []\n", 400, ValidationError, "stages"},
		"several pipelines":    {"POST", "/api/ci/pipelines", yamlKey, hello + "---\n" + strings.Replace(hello, "hello", "other", 1), 400, ValidationError, "several"},
		"empty":                {"POST", "/api/ci/pipelines", yamlKey, "", 400, ValidationError, ""},
		"broken JSON":          {"POST", "/api/ci/pipelines", "application/json", "{", 400, ValidationError, "JSON"},
		"mistyped JSON":        {"POST", "/api/ci/pipelines", "application/json", `{"yaml_content": 5}`, 400, ValidationError, "yaml_content"},
		"other JSON":           {"POST", "/api/ci/pipelines", "application/json", `{}`, 400, ValidationError, "yaml_content"},
		"two JSONs":            {"POST", "/api/ci/pipelines", "application/json", `{"yaml_content":"a"} {}`, 400, ValidationError, "more"},
		"no media type":        {"POST", "/api/ci/pipelines", "", hello, 415, ValidationError, "YAML"},
		"other media type":     {"POST", "/api/ci/pipelines", "image/png", hello, 415, ValidationError, "YAML"},
		"too large":            {"POST", "/api/ci/pipelines", yamlKey, strings.Repeat("#", maxSource+1), 413, ValidationError, "10 MiB"},
		"odd trigger":          {"POST", "/api/ci/pipelines/" + pipeline + "/trigger", "application/json", `{"trigger_type":"x"}`, 400, ValidationError, "manual"},
		"odd environment":      {"POST", "/api/ci/pipelines/" + pipeline + "/trigger", "application/json", `{"environment":{"A B":""}}`, 400, ValidationError, "A B"},
		"trigger of nothing":   {"POST", "/api/ci/pipelines/none/trigger", "application/json", `{}`, 404, ValidationError, "none"},
		"odd cursor":           {"GET", "/api/ci/executions/" + b.trigger(pipeline) + "/events?last_event_id=x", "", "", 400, ValidationError, "id of"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do(test.method, test.path, test.kind, test.body)
			e := decoded[Error](t, a)
			if a.status != test.status || e.Status != test.status || e.Error != test.family || e.Message == "" || e.Suggestions == nil || e.Timestamp.IsZero() {
				t.Errorf("%d: %s", a.status, a.body)
			}
			if !strings.Contains(a.body, test.want) {
				t.Errorf("%q is not in %s", test.want, a.body)
			}
		})
	}
}

// What is not meant for users is not sent to them.
func TestInternalTextStaysInside(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.trigger(b.create())
	b.engine = func(context.Context, string, string) error { return fmt.Errorf("password of /etc/secret") }
	a := b.do("DELETE", "/api/ci/executions/"+id+"/cancel", "", "")
	if e := decoded[Error](t, a); a.status != 500 || e.Error != InternalError || strings.Contains(a.body, "secret") {
		t.Errorf("%d: %s", a.status, a.body)
	}
	b.engine = func(context.Context, string, string) error { panic("password of /etc/secret") }
	a = b.do("DELETE", "/api/ci/executions/"+id+"/cancel", "", "")
	if a.status != 500 || strings.Contains(a.body, "secret") {
		t.Errorf("%d: %s", a.status, a.body)
	}
}

// Without a good token nothing answers but what the contract says is open. (A signature
// lets deliveries in: see TestDeliveries.)
func TestEveryRouteWantsAToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	document, err := openapi3.NewLoader().LoadFromData(contract)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, header := range []string{"", "Bearer wrong", "Basic c2VjcmV0", "Bearer "} {
				request, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+"/api"+strings.NewReplacer("{", "", "}", "").Replace(path), nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Authorization", header)
				a := b.send(request)
				open := operation.Security != nil && len(*operation.Security) == 0
				if !open && a.status != http.StatusUnauthorized || isProbe(apiBase+path) && open && a.status != http.StatusOK {
					t.Errorf("%s %s with %q: %d", method, path, header, a.status)
				}
			}
		}
	}
}

func TestHealthAndConnectors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	health := decoded[Health](t, b.do("GET", "/api/healthchecker", "", ""))
	if health.Status != "success" || health.Version != "1.2.3" || health.Database.Type != "memory" || fmt.Sprint(health.Connectors.Broken) != "[bad]" {
		t.Errorf("%+v", health)
	}
	if list := decoded[[]Connector](t, b.do("GET", "/api/connectors", "", "")); len(list) != 2 || *list[1].Reason != "no program" {
		t.Errorf("%+v", list)
	}
	if one := decoded[Connector](t, b.do("GET", "/api/connectors/shell", "", "")); one.Name != "shell" || len(*one.Actions) != 1 {
		t.Errorf("%+v", one)
	}
	if a := b.do("GET", "/api/openapi.json", "", ""); !strings.Contains(a.body, `"openapi"`) {
		t.Errorf("%.100s", a.body)
	}
}

func TestContractIsValid(t *testing.T) {
	t.Parallel()
	document, err := openapi3.NewLoader().LoadFromData(contract)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}
