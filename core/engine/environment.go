package engine

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
)

// shortCommit is how much of a commit's hash CI_COMMIT_SHORT_SHA has.
const shortCommit = 8

// builtinEnvironment is what every step of a run gets.
func builtinEnvironment(e *core.Execution, workspace string) map[string]string {
	commit := e.Trigger.CommitHash
	builtin := map[string]string{
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
	for name, value := range e.Trigger.Variables {
		if _, ours := builtin[name]; !ours {
			builtin[name] = value
		}
	}
	for name, value := range e.Params {
		builtin["PARAM_"+variableName(name)] = value
	}
	return builtin
}

// inputs are what the texts of a node can refer to. They are a snapshot: a step's
// goroutine may use them.
type inputs struct {
	variables condition.Variables
	base      map[string]string
	layers    []map[string]string // pipeline, stage, step
	triggered map[string]string
}

// inputs collects the inputs of a node. Only a node with expressions gets the outputs
// of others: copying them for each of thousands of steps would cost.
func (r *run) inputs(node int) inputs {
	n := r.plan.Nodes[node]
	stage, matrix, info := r.plan.Stages[n.Stage].Spec, r.plan.Instances[n.Instance].Matrix, r.execution.Trigger
	in := inputs{base: make(map[string]string, len(r.builtin)+8), triggered: r.execution.Environment,
		layers: []map[string]string{r.spec.Environment, stage.Environment, n.Step.Environment}}
	for name, value := range r.builtin {
		in.base[name] = value
	}
	in.base["CI_STAGE_NAME"], in.base["CI_STEP_NAME"] = stage.Name, n.Step.Name
	for name, value := range matrix {
		in.base["MATRIX_"+variableName(name)] = value
	}
	in.variables = condition.Variables{
		Branch: info.Branch, Tag: info.Tag, Event: string(info.Type), Commit: info.CommitHash, Repository: info.Repository,
		Params: r.execution.Params, ParamTypes: r.paramTypes, Matrix: matrix, Hash: r.hash,
	}
	if r.expressive[node] {
		in.variables.Outputs = r.outputs.seenBy(r.plan, node)
	}
	return in
}

// environment merges what a node gets; the later layer wins: built in, pipeline,
// stage, step, and what was given with the trigger. Values may use names of the
// layers before theirs as ${NAME}, and expressions.
func (in *inputs) environment() (map[string]string, error) {
	merged := maps.Clone(in.base)
	for _, layer := range in.layers {
		if err := in.addLayer(merged, layer); err != nil {
			return nil, err
		}
	}
	maps.Copy(merged, in.triggered)
	return merged, nil
}

// addLayer expands a layer's values with what is there before any of them is
// added, so that their order does not matter.
func (in *inputs) addLayer(merged, layer map[string]string) error {
	expanded := make(map[string]string, len(layer))
	for name, value := range layer {
		text, err := in.text(value, merged)
		if err != nil {
			return fmt.Errorf("environment %s: %w", name, err)
		}
		expanded[name] = text
	}
	maps.Copy(merged, expanded)
	return nil
}

// variableName makes the name of a parameter or an axis one of a variable.
func variableName(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}
