package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"
)

// commandLine is a text for a shell, or the words of a command line.
type commandLine struct {
	text string
	list []string
}

func (c commandLine) given() bool { return strings.TrimSpace(c.text) != "" || len(c.list) > 0 }

// UnmarshalJSON reads both forms.
func (c *commandLine) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &c.text) == nil {
		return nil
	}
	if err := json.Unmarshal(data, &c.list); err != nil {
		return fmt.Errorf("expected a text or a list of words: %w", err)
	}
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (commandLine) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}}
}
