package sdktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Case is something that the connector can be asked to do. Without cases only
// those checks run that need none.
type Case struct {
	Name string `json:"name"`
	// Action is empty for the connector's first one.
	Action string `json:"action,omitempty"`
	// Config is a JSON object; empty means {}.
	Config      json.RawMessage   `json:"config,omitempty"`
	Environment map[string]string `json:"environment,omitempty"`
	// Secrets are given besides one of the kit's own; none may turn up in what the
	// connector says.
	Secrets map[string]string `json:"secrets,omitempty"`
	// Files are put into the workspace first: relative path to content.
	Files  map[string]string `json:"files,omitempty"`
	Expect Expectation       `json:"expect,omitzero"`

	// Once names a file in the workspace to which the work appends one line each
	// time that it is done, so that doing it twice shows.
	Once string `json:"once,omitempty"`
	// Endless work goes on until it is stopped: for cancel, detach and destroy. It
	// should print something when it begins, or have a Heartbeat.
	Endless bool `json:"endless,omitempty"`
	// Heartbeat names a file in the workspace that endless work keeps growing, some
	// times a second, so that work which was left behind shows.
	Heartbeat string `json:"heartbeat,omitempty"`
}

// Expectation is how a case that is not endless ends. Zero fields are not looked
// at, but for Outcome.
type Expectation struct {
	// Outcome is OutcomeSucceeded when it is empty.
	Outcome  sdk.Outcome `json:"outcome,omitempty"`
	ExitCode *int        `json:"exit_code,omitempty"`
	Stdout   *string     `json:"stdout,omitempty"`
	Stderr   *string     `json:"stderr,omitempty"`
	// Outputs are those that have to be set; others may be.
	Outputs map[string]string `json:"outputs,omitempty"`
}

// Text is for the fields of Expectation that may be absent.
func Text(s string) *string { return &s }

// Code is for Expectation.ExitCode.
func Code(n int) *int { return &n }

// ParseCases reads a file of cases in JSON: {"cases": [...]}. Unknown keys are
// errors. A program that lets people write YAML converts that first.
func ParseCases(data []byte) ([]Case, error) {
	var file struct {
		Cases []Case `json:"cases"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("read the cases: %w", err)
	}
	for i := range file.Cases {
		if err := file.Cases[i].validate(); err != nil {
			return nil, fmt.Errorf("case %d: %w", i+1, err)
		}
	}
	return file.Cases, nil
}

func (c *Case) validate() error {
	if c.Name == "" {
		return fmt.Errorf("it has no name")
	}
	paths := []string{c.Once, c.Heartbeat}
	for path := range c.Files {
		paths = append(paths, path)
	}
	for _, path := range paths {
		if path != "" && !filepath.IsLocal(filepath.FromSlash(path)) {
			return fmt.Errorf("%q is not a path within the workspace", path)
		}
	}
	if c.Heartbeat != "" && !c.Endless {
		return fmt.Errorf("a heartbeat is for endless cases")
	}
	return nil
}
