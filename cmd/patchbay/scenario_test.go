package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// A scenario is a file in testdata/scenarios: a pipeline, how it is triggered, what is
// done meanwhile, and what is to come of it. It runs on a real server with the real
// shell connector, through the API.
type scenario struct {
	About    string            `yaml:"about"`
	Pipeline string            `yaml:"pipeline"`
	Secrets  map[string]string `yaml:"secrets"`
	// Trigger is the body of the request; Refused is what the server's refusal says.
	Trigger map[string]any `yaml:"trigger"`
	Refused string         `yaml:"refused"`
	Actions []action       `yaml:"actions"`
	Expect  expectation    `yaml:"expect"`
	Then    []followUp     `yaml:"then"`
}

// action is a request that is made as soon as a step has a status ("deploy/a waiting").
type action struct {
	On   string         `yaml:"on"`
	Post string         `yaml:"post"` // below /api/ci/executions/{id}/
	Body map[string]any `yaml:"body"`
	// Refused is what the server's refusal says; empty when it is to be done.
	Refused string `yaml:"refused"`
}

// followUp repeats the execution before it, by the body of a retry.
type followUp struct {
	Retry   map[string]any `yaml:"retry"`
	Refused string         `yaml:"refused"`
	Actions []action       `yaml:"actions"`
	Expect  expectation    `yaml:"expect"`
}

// expectation is about an execution that has ended.
type expectation struct {
	Status string                     `yaml:"status"`
	Reason string                     `yaml:"reason"` // a part of it
	Steps  map[string]stepExpectation `yaml:"steps"`
	// Order has pairs "a/b < c/d": the first ended before the second began.
	Order []string `yaml:"order"`
	// Overlap has pairs "a/b & c/d" that ran at the same time.
	Overlap []string `yaml:"overlap"`
	// Log are texts that the log has, NotLog those it has not.
	Log    []string `yaml:"log"`
	NotLog []string `yaml:"not_log"`
}

type stepExpectation struct {
	Status   string            `yaml:"status"`
	Reason   string            `yaml:"reason"` // a part of it
	Stdout   *string           `yaml:"stdout"`
	Attempts int               `yaml:"attempts"`
	Allowed  bool              `yaml:"allowed"`
	Outputs  map[string]string `yaml:"outputs"`
	// Hooks are all that ran, in their order: "pre/lint success".
	Hooks []string `yaml:"hooks"`
}

// scenarioStep is what the API says of a step.
type scenarioStep struct {
	Name       string            `json:"name"`
	Status     string            `json:"status"`
	Reason     string            `json:"reason"`
	Stdout     string            `json:"stdout"`
	Attempts   int               `json:"attempts"`
	Allowed    bool              `json:"allowed"`
	Outputs    map[string]string `json:"outputs"`
	Hooks      []scenarioHook    `json:"hooks"`
	StartedAt  time.Time         `json:"started_at"`
	FinishedAt time.Time         `json:"finished_at"`
}

type scenarioHook struct{ Phase, Name, Status, Stdout string }

type scenarioExecution struct {
	Status string `json:"status"`
	Reason string `json:"reason"`
	Stages []struct {
		Name  string         `json:"name"`
		Steps []scenarioStep `json:"steps"`
	} `json:"stages"`
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	server := startServer(t, t.TempDir())
	t.Run("all", func(t *testing.T) {
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
				t.Parallel()
				source, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var s scenario
				if err := yaml.UnmarshalWithOptions(source, &s, yaml.Strict()); err != nil {
					t.Fatal(yaml.FormatError(err, false, true))
				}
				(&scenarioRun{T: t, server: server}).run(s)
			})
		}
	})
}

type scenarioRun struct {
	*testing.T
	server *liveServer
}

func (r *scenarioRun) run(s scenario) {
	var pipeline struct{ ID string }
	r.post("/api/ci/pipelines", map[string]any{"yaml_content": s.Pipeline}, "", &pipeline)
	for name, value := range s.Secrets {
		r.send(http.MethodPut, "/api/secrets/"+name+"?pipeline_id="+pipeline.ID, map[string]any{"value": value}, "", nil)
	}
	var answer struct {
		ExecutionID string `json:"execution_id"`
	}
	if s.Trigger == nil {
		s.Trigger = map[string]any{}
	}
	if _, given := s.Trigger["trigger_type"]; !given {
		s.Trigger["trigger_type"] = "manual"
	}
	r.post("/api/ci/pipelines/"+pipeline.ID+"/trigger", s.Trigger, s.Refused, &answer)
	if s.Refused != "" {
		return
	}
	r.follow(answer.ExecutionID, s.Actions)
	r.check(answer.ExecutionID, s.Expect)
	for _, next := range s.Then {
		previous := answer.ExecutionID
		r.post("/api/ci/executions/"+previous+"/retry", next.Retry, next.Refused, &answer)
		if next.Refused == "" {
			r.follow(answer.ExecutionID, next.Actions)
			r.check(answer.ExecutionID, next.Expect)
		}
	}
}

// follow reads the events of an execution to their end, and acts on them.
func (r *scenarioRun) follow(id string, actions []action) {
	r.Helper()
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.server.url+"/api/ci/executions/"+id+"/events", nil)
	if err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.server.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	watchdog := time.AfterFunc(eventually, func() { response.Body.Close() })
	defer watchdog.Stop()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	kind, done := "", make([]bool, len(actions))
	for lines.Scan() {
		if name, found := strings.CutPrefix(lines.Text(), "event: "); found {
			kind = name
		}
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found || kind != "status" {
			continue
		}
		var event struct{ Stage, Name, Status string }
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			r.Fatal(err)
		}
		for i, a := range actions {
			// A status may be told again, when something else of the step has changed.
			if a.On == event.Stage+"/"+event.Name+" "+event.Status && !done[i] {
				done[i] = true
				r.post("/api/ci/executions/"+id+"/"+a.Post, a.Body, a.Refused, nil)
			}
		}
	}
	if err := lines.Err(); err != nil {
		r.Fatalf("the events of %s did not end: %v", id, err)
	}
}

func (r *scenarioRun) post(path string, body map[string]any, refused string, into any) {
	r.Helper()
	r.send(http.MethodPost, path, body, refused, into)
}

func (r *scenarioRun) send(method, path string, body map[string]any, refused string, into any) {
	r.Helper()
	if body == nil {
		body = map[string]any{}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		r.Fatal(err)
	}
	request, err := http.NewRequestWithContext(r.Context(), method, r.server.url+path, bytes.NewReader(encoded))
	if err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.server.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		r.Fatal(err)
	case refused != "":
		if response.StatusCode < 400 || !strings.Contains(string(answer), refused) {
			r.Errorf("%s %s: %d %s; want a refusal with %q", method, path, response.StatusCode, answer, refused)
		}
	case response.StatusCode >= 300:
		r.Fatalf("%s %s: %d %s", method, path, response.StatusCode, answer)
	case into != nil:
		if err := json.Unmarshal(answer, into); err != nil {
			r.Fatalf("%v in %s", err, answer)
		}
	}
}

func (r *scenarioRun) check(id string, want expectation) {
	r.Helper()
	var got scenarioExecution
	r.server.get("/api/ci/executions/"+id, &got)
	if got.Status != want.Status || !strings.Contains(got.Reason, want.Reason) {
		r.Errorf("the execution is %s (%s); want %s (%s)", got.Status, got.Reason, want.Status, want.Reason)
	}
	steps := map[string]scenarioStep{}
	for _, stage := range got.Stages {
		for _, step := range stage.Steps {
			steps[stage.Name+"/"+step.Name] = step
		}
	}
	for name := range steps {
		if _, known := want.Steps[name]; !known && want.Steps != nil {
			r.Errorf("step %s is not expected: %s", name, steps[name].Status)
		}
	}
	for name, wanted := range want.Steps {
		if step, there := steps[name]; !there {
			r.Errorf("there is no step %s", name)
		} else if problem := wanted.check(step); problem != "" {
			r.Errorf("step %s %s", name, problem)
		}
	}
	for _, pair := range want.Order {
		if first, second, _ := strings.Cut(pair, " < "); steps[second].StartedAt.Before(steps[first].FinishedAt) {
			r.Errorf("not %s: %s began before %s ended", pair, second, first)
		}
	}
	for _, pair := range want.Overlap {
		a, b, _ := strings.Cut(pair, " & ")
		if steps[b].StartedAt.After(steps[a].FinishedAt) || steps[a].StartedAt.After(steps[b].FinishedAt) {
			r.Errorf("not %s: they ran one after the other", pair)
		}
	}
	var log string
	r.server.get("/api/ci/executions/"+id+"/logs", &log)
	for _, text := range want.Log {
		if !strings.Contains(log, text) {
			r.Errorf("the log lacks %q:\n%s", text, log)
		}
	}
	for _, text := range want.NotLog {
		if strings.Contains(log, text) {
			r.Errorf("the log has %q:\n%s", text, log)
		}
	}
}

func (want stepExpectation) check(got scenarioStep) string {
	switch {
	case got.Status != want.Status || !strings.Contains(got.Reason, want.Reason):
		return fmt.Sprintf("is %s (%s); want %s (%s)", got.Status, got.Reason, want.Status, want.Reason)
	case want.Stdout != nil && got.Stdout != *want.Stdout:
		return fmt.Sprintf("printed %q; want %q", got.Stdout, *want.Stdout)
	case want.Attempts > 0 && got.Attempts != want.Attempts:
		return fmt.Sprintf("had %d attempts; want %d", got.Attempts, want.Attempts)
	case got.Allowed != want.Allowed:
		return fmt.Sprintf("allowed is %v", got.Allowed)
	}
	var hooks []string
	for _, h := range got.Hooks {
		hooks = append(hooks, h.Phase+"/"+h.Name+" "+h.Status)
	}
	if !slices.Equal(hooks, want.Hooks) {
		return fmt.Sprintf("has hooks %q; want %q", hooks, want.Hooks)
	}
	for name, value := range want.Outputs {
		if got.Outputs[name] != value {
			return fmt.Sprintf("has output %s = %q; want %q", name, got.Outputs[name], value)
		}
	}
	return ""
}
