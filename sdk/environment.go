package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"
)

// Environment is a config value that users may write as a map or as a list of
// "K=V", with scalars of any type as values.
type Environment map[string]string

// UnmarshalJSON reads both forms. Null values are empty.
func (e *Environment) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	*e = Environment{}
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for name, item := range v {
			(*e)[name] = scalarText(item)
		}
	case []any:
		for i, item := range v {
			text, isText := item.(string)
			name, content, found := strings.Cut(text, "=")
			if !isText || !found || name == "" {
				return fmt.Errorf("environment item %d is not of the form NAME=value", i+1)
			}
			(*e)[name] = content
		}
	default:
		return fmt.Errorf("environment is a map or a list of NAME=value")
	}
	return nil
}

func scalarText(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// JSONSchema implements jsonschema's customising interface.
func (Environment) JSONSchema() *jsonschema.Schema {
	scalar := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string"}, {Type: "number"}, {Type: "boolean"}, {Type: "null"}}}
	return &jsonschema.Schema{
		Description: "Environment variables: a map, or a list of NAME=value",
		AnyOf: []*jsonschema.Schema{
			{Type: "object", AdditionalProperties: scalar},
			{Type: "array", Items: &jsonschema.Schema{Type: "string", Pattern: "^[^=]+="}},
			{Type: "null"},
		},
	}
}

// Lines is a config value that users may write as one text or as a list of lines.
type Lines string

// UnmarshalJSON reads both forms; the items of a list become lines.
func (l *Lines) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*l = Lines(text)
		return nil
	}
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("expected a text or a list of lines")
	}
	*l = Lines(strings.Join(list, "\n"))
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (Lines) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}}
}
