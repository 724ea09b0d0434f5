package main

import (
	"github.com/invopop/jsonschema"

	"github.com/patchbay-ci/patchbay/sdk"
)

// config is what a shell step may say.
type config struct {
	Command          string          `json:"command,omitempty" jsonschema:"description=Run by sh -c"`
	Script           sdk.Lines       `json:"script,omitempty" jsonschema:"description=Run by sh -e -c: the first command that fails ends it"`
	WorkingDirectory string          `json:"working_directory,omitempty" jsonschema:"description=Relative to the workspace; it cannot leave it"`
	Environment      sdk.Environment `json:"environment,omitempty"`
	Shell            string          `json:"shell,omitempty" jsonschema:"description=Another interpreter that takes -c: bash; zsh; python3,default=sh"`

	// Accepted from RustCI's files, where they steer its deployments.
	DeploymentType             string `json:"deployment_type,omitempty" jsonschema:"description=Accepted; has no effect on a shell step"`
	DisableDeploymentDetection bool   `json:"disable_deployment_detection,omitempty" jsonschema:"description=Accepted; has no effect on a shell step"`
}

// JSONSchemaExtend wants exactly one of command and script.
func (config) JSONSchemaExtend(s *jsonschema.Schema) {
	s.OneOf = []*jsonschema.Schema{{Required: []string{"command"}}, {Required: []string{"script"}}}
}

// CheckConfig refuses a text that is there and empty.
func (c *config) CheckConfig() error {
	if c.Command == "" && c.Script == "" {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: "there is nothing to run: the text is empty",
			Suggestion: "add command: <one line> or script: |"}
	}
	return nil
}

// source returns the text to run and whether the first failure ends it.
func (c *config) source() (text string, stopOnError bool) {
	if c.Script != "" {
		return string(c.Script), true
	}
	return c.Command, false
}
