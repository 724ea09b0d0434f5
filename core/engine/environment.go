package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// shortCommit is how much of a commit's hash CI_COMMIT_SHORT_SHA has.
const shortCommit = 8

// builtinEnvironment is what every step of a run gets.
func builtinEnvironment(e *core.Execution, workspace string) map[string]string {
	commit := e.Trigger.CommitHash
	return map[string]string{
		"CI":                  "true",
		"CI_PIPELINE_NAME":    e.PipelineName,
		"CI_PIPELINE_ID":      e.PipelineID,
		"CI_EXECUTION_ID":     e.ID,
		"CI_BUILD_NUMBER":     strconv.FormatInt(e.Number, 10),
		"CI_COMMIT_SHA":       commit,
		"CI_COMMIT_SHORT_SHA": commit[:min(len(commit), shortCommit)],
		"CI_BRANCH":           e.Trigger.Branch,
		"BRANCH":              e.Trigger.Branch,
		"CI_TAG":              e.Trigger.Tag,
		"CI_EVENT":            string(e.Trigger.Type),
		"CI_REPOSITORY":       e.Trigger.Repository,
		"CI_WORKSPACE":        workspace,
	}
}

// environment merges what a node gets; the later layer wins: built in, pipeline,
// stage, step, and what was given with the trigger. Values may use names of the
// layers before theirs as ${NAME}.
func (r *run) environment(node int) map[string]string {
	n := r.plan.Nodes[node]
	stage := r.plan.Stages[n.Stage].Spec
	merged := make(map[string]string, len(r.builtin)+8)
	for name, value := range r.builtin {
		merged[name] = value
	}
	merged["CI_STAGE_NAME"], merged["CI_STEP_NAME"] = stage.Name, n.Step.Name
	for _, layer := range []map[string]string{r.spec.Environment, stage.Environment, n.Step.Environment} {
		addLayer(merged, layer)
	}
	for name, value := range r.execution.Environment {
		merged[name] = value
	}
	return merged
}

// addLayer expands a layer's values with what is there before any of them is
// added, so that their order does not matter.
func addLayer(merged, layer map[string]string) {
	expanded := make(map[string]string, len(layer))
	for name, value := range layer {
		expanded[name] = expand(value, merged)
	}
	for name, value := range expanded {
		merged[name] = value
	}
}

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

// scriptKeys are the config keys whose text is a program: what $ means in it is
// the business of whoever runs it.
var scriptKeys = map[string]bool{"command": true, "script": true}

// expandConfig expands the texts of a step's config, except programs.
func expandConfig(config json.RawMessage, environment map[string]string) (json.RawMessage, error) {
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
		if !scriptKeys[key] {
			object[key] = expandValue(value, environment)
		}
	}
	return json.Marshal(object)
}

func expandValue(value any, environment map[string]string) any {
	switch v := value.(type) {
	case string:
		return expand(v, environment)
	case []any:
		for i := range v {
			v[i] = expandValue(v[i], environment)
		}
	case map[string]any:
		for key := range v {
			v[key] = expandValue(v[key], environment)
		}
	}
	return value
}

// expandGroup evaluates the name of a stage's concurrency group.
func (r *run) expandGroup(_ int, group string) (string, error) { return group, nil }
