package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// decoder turns a step's JSON config into a struct, strictly. It prepares itself
// on first use, once: a connector with many actions starts as quickly as one with
// few, and no step pays for reflection again.
type decoder struct {
	fresh func() any

	once     sync.Once
	document []byte
	compiled *schema.Schema
	defaults map[string]json.RawMessage
	err      error
}

func newDecoder(fresh func() any) *decoder { return &decoder{fresh: fresh} }

func (d *decoder) prepare() error {
	d.once.Do(func() {
		if d.document, d.err = reflectSchema(d.fresh()); d.err != nil {
			return
		}
		if d.compiled, d.err = schema.Compile(d.document); d.err != nil {
			return
		}
		d.defaults = d.compiled.Defaults()
	})
	return d.err
}

// schemaJSON is the schema for Describe. A schema that cannot be made is no JSON
// either, so that whoever reads it finds out.
func (d *decoder) schemaJSON() json.RawMessage {
	if err := d.prepare(); err != nil {
		return json.RawMessage("broken: " + err.Error())
	}
	return d.document
}

// into decodes config into target, a pointer to the action's struct.
func (d *decoder) into(config json.RawMessage, target any) error {
	problems := d.decode(config, target)
	if len(problems) == 0 {
		return nil
	}
	first := problems[0]
	message := where(first.Pointer) + first.Message
	if more := len(problems) - 1; more > 0 {
		message += fmt.Sprintf(" (and %d more)", more)
	}
	return &Error{Class: ClassInvalidConfig, Message: message, Suggestion: first.Suggestion, Pointer: first.Pointer}
}

// check returns everything that is wrong with config.
func (d *decoder) check(config json.RawMessage) []Diagnostic { return d.decode(config, d.fresh()) }

// decode returns what is wrong with config, or fills target.
func (d *decoder) decode(config json.RawMessage, target any) []Diagnostic {
	if len(bytes.TrimSpace(config)) == 0 {
		config = json.RawMessage("{}")
	}
	if err := d.prepare(); err != nil {
		return []Diagnostic{{Severity: SeverityError, Message: "the connector's own schema is broken: " + err.Error()}}
	}
	if problems := d.compiled.Check(config); len(problems) > 0 {
		diagnostics := make([]Diagnostic, len(problems))
		for i, p := range problems {
			diagnostics[i] = Diagnostic{Severity: SeverityError, Pointer: p.Pointer, Message: p.Message, Suggestion: p.Suggestion}
		}
		return diagnostics
	}
	if err := json.Unmarshal(d.withDefaults(config), target); err != nil {
		return []Diagnostic{{Severity: SeverityError, Message: err.Error()}}
	}
	if checker, ok := target.(interface{ CheckConfig() error }); ok {
		return diagnose(checker.CheckConfig())
	}
	return nil
}

func diagnose(err error) []Diagnostic {
	if err == nil {
		return nil
	}
	problem := Diagnostic{Severity: SeverityError, Message: err.Error()}
	var e *Error
	if errors.As(err, &e) {
		problem.Pointer, problem.Suggestion = e.Pointer, e.Suggestion
	}
	return []Diagnostic{problem}
}

// withDefaults adds the keys that are not given and have a default.
func (d *decoder) withDefaults(config json.RawMessage) json.RawMessage {
	if len(d.defaults) == 0 {
		return config
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(config, &object) != nil {
		return config
	}
	if object == nil {
		object = map[string]json.RawMessage{}
	}
	for key, value := range d.defaults {
		if _, given := object[key]; !given {
			object[key] = value
		}
	}
	merged, err := json.Marshal(object)
	if err != nil {
		return config
	}
	return merged
}

// where is a JSON Pointer as people write it: "environment.PATH: ".
func where(pointer string) string {
	if pointer == "" {
		return ""
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return strings.Join(parts, ".") + ": "
}
