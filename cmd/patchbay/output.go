package main

import (
	"encoding/json"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
)

// printJSON writes a value for programs.
func (a *app) printJSON(value any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// logger writes the program's own log to standard error.
func (a *app) logger(level string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "patchbay", Level: hclog.LevelFromString(level), Output: a.stderr})
}

// runJSON is what `run -o json` says about one pipeline.
type runJSON struct {
	Pipeline string      `json:"pipeline"`
	Status   core.Status `json:"status"`
	Reason   string      `json:"reason,omitempty"`
	Duration float64     `json:"duration"`
	Steps    []stepJSON  `json:"steps"`
}

type stepJSON struct {
	Stage    string            `json:"stage"`
	Name     string            `json:"name"`
	Status   core.Status       `json:"status"`
	Allowed  bool              `json:"allowed,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	ExitCode *int              `json:"exit_code,omitempty"`
	Signal   string            `json:"signal,omitempty"`
	Attempts int               `json:"attempts"`
	Duration float64           `json:"duration"`
	Outputs  map[string]string `json:"outputs,omitempty"`
	// Metadata is what the connector tells about the last attempt.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Stdout and Stderr are the ends of what the last attempt printed.
	Stdout string     `json:"stdout"`
	Stderr string     `json:"stderr"`
	Hooks  []hookJSON `json:"hooks,omitempty"`
}

func resultsJSON(results []*localResult) []runJSON {
	list := make([]runJSON, 0, len(results))
	for _, result := range results {
		e := result.execution
		item := runJSON{Pipeline: e.PipelineName, Status: e.Status, Reason: e.Reason,
			Duration: seconds(e.StartedAt, e.FinishedAt), Steps: []stepJSON{}}
		for _, s := range result.steps {
			step := stepJSON{Stage: s.Stage, Name: s.Name, Status: s.Status, Allowed: s.Allowed, Reason: s.Reason,
				Attempts: len(s.Attempts), Duration: seconds(s.StartedAt, s.FinishedAt), Outputs: s.Outputs}
			if n := len(s.Attempts); n > 0 {
				step.ExitCode, step.Signal, step.Metadata = s.Attempts[n-1].ExitCode, s.Attempts[n-1].Signal, s.Attempts[n-1].Metadata
			}
			step.Stdout, step.Stderr = result.tails.of(s.Index)
			step.Hooks = hooksJSON(s, result.tails)
			item.Steps = append(item.Steps, step)
		}
		list = append(list, item)
	}
	return list
}

func seconds(from, to *time.Time) float64 {
	if from == nil || to == nil {
		return 0
	}
	return to.Sub(*from).Seconds()
}
