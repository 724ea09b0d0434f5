package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Schema is a compiled JSON Schema. It is safe for concurrent use.
type Schema struct{ root *node }

// node is one (sub)schema. A keyword that is absent is nil.
type node struct {
	refuses  bool // the schema `false`
	target   *node
	patterns []patternProperty
	pattern  *regexp.Regexp

	Ref         string           `json:"$ref"`
	Defs        map[string]*node `json:"$defs"`
	Definitions map[string]*node `json:"definitions"`

	Type  typeNames       `json:"type"`
	Enum  *[]any          `json:"enum"`
	Const json.RawMessage `json:"const"`

	Properties           map[string]*node    `json:"properties"`
	PatternProperties    map[string]*node    `json:"patternProperties"`
	AdditionalProperties *node               `json:"additionalProperties"`
	PropertyNames        *node               `json:"propertyNames"`
	Required             []string            `json:"required"`
	DependentRequired    map[string][]string `json:"dependentRequired"`
	DependentSchemas     map[string]*node    `json:"dependentSchemas"`
	MinProperties        *int                `json:"minProperties"`
	MaxProperties        *int                `json:"maxProperties"`

	Items       *node   `json:"items"`
	PrefixItems []*node `json:"prefixItems"`
	MinItems    *int    `json:"minItems"`
	MaxItems    *int    `json:"maxItems"`
	UniqueItems bool    `json:"uniqueItems"`

	Minimum          *float64 `json:"minimum"`
	Maximum          *float64 `json:"maximum"`
	ExclusiveMinimum *float64 `json:"exclusiveMinimum"`
	ExclusiveMaximum *float64 `json:"exclusiveMaximum"`
	MultipleOf       *float64 `json:"multipleOf"`

	MinLength *int   `json:"minLength"`
	MaxLength *int   `json:"maxLength"`
	Pattern   string `json:"pattern"`

	AllOf []*node `json:"allOf"`
	AnyOf []*node `json:"anyOf"`
	OneOf []*node `json:"oneOf"`
	Not   *node   `json:"not"`
	If    *node   `json:"if"`
	Then  *node   `json:"then"`
	Else  *node   `json:"else"`

	// Default is kept as it was written.
	Default json.RawMessage `json:"default"`
}

type patternProperty struct {
	pattern *regexp.Regexp
	schema  *node
}

// unsupported are keywords that assert something this package does not check.
var unsupported = []string{"contains", "minContains", "maxContains", "unevaluatedProperties", "unevaluatedItems",
	"$dynamicRef", "$recursiveRef", "dependencies", "additionalItems"}

// UnmarshalJSON reads a schema: an object, true or false.
func (n *node) UnmarshalJSON(data []byte) error {
	switch string(bytes.TrimSpace(data)) {
	case "true":
		return nil
	case "false":
		n.refuses = true
		return nil
	}
	var keywords map[string]json.RawMessage
	if err := json.Unmarshal(data, &keywords); err != nil || keywords == nil {
		return errors.New("a schema is an object, true or false")
	}
	for _, keyword := range unsupported {
		if _, used := keywords[keyword]; used {
			return fmt.Errorf("the keyword %q is not supported in a config schema", keyword)
		}
	}
	type plain node
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode((*plain)(n))
}

// typeNames is one type or a list of them.
type typeNames []string

// UnmarshalJSON reads both forms and refuses names that are no type.
func (t *typeNames) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = typeNames{one}
	} else if err := json.Unmarshal(data, (*[]string)(t)); err != nil {
		return errors.New(`"type" is a name or a list of names`)
	}
	for _, name := range *t {
		if _, known := typeWords[name]; !known {
			return fmt.Errorf("there is no type %q in JSON Schema", name)
		}
	}
	return nil
}

// Compile reads a JSON Schema. It fails for what is not one, and for keywords that
// this package does not check.
func Compile(document []byte) (*Schema, error) {
	root := new(node)
	if err := json.Unmarshal(document, root); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if err := root.compile(root, ""); err != nil {
		return nil, err
	}
	return &Schema{root: root}, nil
}

// Defaults returns the defaults of the properties, by name.
func (s *Schema) Defaults() map[string]json.RawMessage {
	defaults := map[string]json.RawMessage{}
	for name, property := range s.root.Properties {
		if property != nil && len(property.Default) > 0 {
			defaults[name] = property.Default
		}
	}
	return defaults
}

// Check decodes a config and returns what is wrong with it: nothing when it fits,
// at most MaxProblems otherwise. An empty config is an empty object.
func (s *Schema) Check(config []byte) []Problem {
	if len(bytes.TrimSpace(config)) == 0 {
		config = []byte("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return []Problem{{Message: "the config is not JSON: " + strings.TrimPrefix(err.Error(), "json: ")}}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return []Problem{{Message: "the config is not JSON: there is more after its end"}}
	}
	return s.Validate(value)
}
