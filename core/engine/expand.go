package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/patchbay-ci/patchbay/core/condition"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// reference is ${NAME}, or $${NAME} for a literal one.
var reference = regexp.MustCompile(`\$?\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// expand replaces ${NAME} by its value. A name that is not set stays as it is
// written: it may be meant for somebody else.
func expand(text string, environment map[string]string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		if escaped, ok := strings.CutPrefix(found, "$$"); ok {
			return "$" + escaped
		}
		if value, set := environment[found[2:len(found)-1]]; set {
			return value
		}
		return found
	})
}

// value is text for a value of a config, which may be more than a text: where it is
// one expression and nothing else, a number or a boolean stays one.
func (in *inputs) value(text string, environment map[string]string) (any, error) {
	if !strings.Contains(text, "${{") {
		return expand(text, environment), nil
	}
	template, err := condition.ParseTemplate(text)
	if err != nil {
		return nil, err
	}
	variables := in.variables
	variables.Env = environment
	return template.Value(variables, func(literal string) string { return expand(literal, environment) })
}

// text expands the ${NAME} and the ${{ expressions }} of a text; neither is looked
// for in a value.
func (in *inputs) text(text string, environment map[string]string) (string, error) {
	if !strings.Contains(text, "${{") {
		return expand(text, environment), nil
	}
	template, err := condition.ParseTemplate(text)
	if err != nil {
		return "", err
	}
	variables := in.variables
	variables.Env = environment
	return template.ExpandWith(variables, func(literal string) string { return expand(literal, environment) })
}

// program expands the expressions of a program, whose ${NAME} are its own business.
// A value that a shell would act on is an error.
func (in *inputs) program(text string, environment map[string]string) (string, error) {
	if !strings.Contains(text, "${{") {
		return text, nil
	}
	template, err := condition.ParseTemplate(text)
	if err != nil {
		return "", err
	}
	variables := in.variables
	variables.Env = environment
	return template.ExpandSafe(variables)
}

// programKeys are the config keys whose text is a program: what $ means in it is
// the business of whoever runs it.
var programKeys = map[string]bool{"command": true, "script": true}

// config expands the texts of a step's config.
func (in *inputs) config(config json.RawMessage, environment map[string]string) (json.RawMessage, error) {
	if len(config) == 0 {
		return json.RawMessage("{}"), nil
	}
	if !bytes.Contains(config, []byte("${")) {
		return config, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("read the step's config: %w", err)
	}
	for key, value := range object {
		change := func(text string) (any, error) { return in.value(text, environment) }
		if programKeys[key] {
			change = func(text string) (any, error) { return in.program(text, environment) }
		}
		var err error
		if object[key], err = expandValue(value, change); err != nil {
			return nil, fmt.Errorf("config %s: %w", key, err)
		}
	}
	return json.Marshal(object)
}

func expandValue(value any, change func(string) (any, error)) (_ any, err error) {
	switch v := value.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			if v[i], err = expandValue(v[i], change); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			if v[key], err = expandValue(v[key], change); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// expressive reports, by node, whether any text of it has an expression.
func expressive(p *plan.Plan, pipeline map[string]string) []bool {
	has := func(environment map[string]string) bool {
		for _, value := range environment {
			if strings.Contains(value, "${{") {
				return true
			}
		}
		return false
	}
	list := make([]bool, len(p.Nodes))
	everywhere := has(pipeline)
	byStage := make([]bool, len(p.Stages))
	for i, stage := range p.Stages {
		byStage[i] = everywhere || has(stage.Spec.Environment)
	}
	for i, node := range p.Nodes {
		list[i] = byStage[node.Stage] || has(node.Step.Environment) || len(node.Step.Cache) > 0 ||
			bytes.Contains(node.Step.Config, []byte("${{"))
		for _, hook := range node.Step.Hooks.All() {
			list[i] = list[i] || has(hook.Environment) || bytes.Contains(hook.Config, []byte("${{"))
		}
	}
	return list
}

// expandGroup evaluates the name of a stage's concurrency group.
func (r *run) expandGroup(stage int, group string) (string, error) {
	in := r.inputs(r.plan.Stages[stage].Nodes[0])
	in.variables.Matrix, in.variables.Outputs = nil, r.outputs.all
	environment, err := in.environment()
	if err != nil {
		return "", err
	}
	return in.text(group, environment)
}

// hash is hash() of expressions.
func (r *run) hash(patterns ...string) (string, error) {
	if r.engine.options.Files == nil {
		return "", errors.New("hash() is not available here")
	}
	return r.engine.options.Files.Hash(r.workspace.Path(), patterns...)
}
