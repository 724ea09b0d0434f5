package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// decoder turns a step's JSON config into a struct, strictly. It is made lazily:
// a connector with many actions starts as quickly as one with few.
type decoder struct {
	fresh func() any

	once     sync.Once
	schema   []byte
	keys     []string
	defaults map[string]json.RawMessage
	compiled *validator.Schema
	err      error
}

func newDecoder(fresh func() any) *decoder { return &decoder{fresh: fresh} }

func (d *decoder) prepare() error {
	d.once.Do(func() {
		if d.schema, d.err = reflectSchema(d.fresh()); d.err != nil {
			return
		}
		d.defaults = schemaDefaults(d.schema)
		var properties struct {
			Properties map[string]json.RawMessage `json:"properties"`
		}
		if d.err = json.Unmarshal(d.schema, &properties); d.err != nil {
			return
		}
		for key := range properties.Properties {
			d.keys = append(d.keys, key)
		}
		slices.Sort(d.keys)
		d.compiled, d.err = compileSchema(d.schema)
	})
	return d.err
}

func (d *decoder) schemaJSON() json.RawMessage {
	if err := d.prepare(); err != nil {
		return json.RawMessage(`{}`)
	}
	return d.schema
}

// into decodes config into target, a pointer to the action's struct.
func (d *decoder) into(config json.RawMessage, target any) error {
	problems := d.checkSchema(config)
	if len(problems) == 0 {
		if err := json.Unmarshal(d.withDefaults(config), target); err != nil {
			problems = []Diagnostic{{Severity: SeverityError, Message: err.Error()}}
		} else if checker, ok := target.(interface{ CheckConfig() error }); ok {
			problems = diagnose(checker.CheckConfig())
		}
	}
	if len(problems) == 0 {
		return nil
	}
	first := problems[0]
	return &Error{Class: ClassInvalidConfig, Message: where(first.Pointer) + first.Message,
		Suggestion: first.Suggestion, Pointer: first.Pointer}
}

// check returns everything that is wrong with config.
func (d *decoder) check(config json.RawMessage) []Diagnostic {
	if problems := d.checkSchema(config); len(problems) > 0 {
		return problems
	}
	target := d.fresh()
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

func (d *decoder) checkSchema(config json.RawMessage) []Diagnostic {
	if err := d.prepare(); err != nil {
		return []Diagnostic{{Severity: SeverityError, Message: "the connector's own schema is broken: " + err.Error()}}
	}
	instance, err := validator.UnmarshalJSON(bytes.NewReader(config))
	if err != nil {
		return []Diagnostic{{Severity: SeverityError, Message: "the config is not JSON: " + err.Error()}}
	}
	err = d.compiled.Validate(instance)
	if err == nil {
		return nil
	}
	var invalid *validator.ValidationError
	if !errors.As(err, &invalid) {
		return []Diagnostic{{Severity: SeverityError, Message: err.Error()}}
	}
	return explain(invalid, d.keys, nil)
}
