package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Runner makes, and does not apply, the objects by which the connector runs a step of
// its own action: a Job and what it needs. C is that action's config.
type Runner[C any] func(ctx context.Context, step sdk.Step, config C) ([]*unstructured.Unstructured, error)

// merged is the config of a step that looks at what another would do: it has the keys
// of that other, by which it is known which.
type merged[C any] struct {
	// action is apply, helm or run; config is without the keys below.
	action string
	config json.RawMessage

	Output      string
	WithSecrets bool
}

// own are the keys of a merged config that are of no other action.
var own = map[string]*jsonschema.Schema{
	"output":       {Type: "string", Description: "A file in the workspace to write the manifests to"},
	"with_secrets": {Type: "boolean", Description: "Write the values of Secrets into that file; they are hidden otherwise, and in the step's output always"},
}

// UnmarshalJSON takes the config apart.
func (m *merged[C]) UnmarshalJSON(data []byte) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return err
	}
	for key, into := range map[string]any{"output": &m.Output, "with_secrets": &m.WithSecrets} {
		if value, given := keys[key]; given {
			if err := json.Unmarshal(value, into); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			delete(keys, key)
		}
	}
	m.action = "run"
	switch {
	case keys["manifest"] != nil:
		m.action = "apply"
	case keys["helm_chart"] != nil:
		m.action = "helm"
	}
	var err error
	m.config, err = json.Marshal(keys)
	return err
}

// JSONSchema implements jsonschema's customising interface: all keys of all actions.
func (merged[C]) JSONSchema() *jsonschema.Schema {
	reflector := jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true, Anonymous: true}
	all := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, config := range []any{new(C), new(ApplyConfig), new(HelmConfig)} {
		for pair := reflector.Reflect(config).Properties.Oldest(); pair != nil; pair = pair.Next() {
			pair.Value.Default = nil // or a step of one action would get another's keys
			all.Properties.Set(pair.Key, pair.Value)
		}
	}
	for key, schema := range own {
		all.Properties.Set(key, schema)
	}
	return all
}

// CheckConfig implements the check of a typed action.
func (m *merged[C]) CheckConfig() error {
	switch m.action {
	case "apply":
		return strictly(m.config, new(ApplyConfig))
	case "helm":
		return strictly(m.config, new(HelmConfig))
	}
	return strictly(m.config, new(C))
}

// strictly decodes a config of one action: it may have no keys of another's.
func strictly(config json.RawMessage, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return &sdk.Error{Class: sdk.ClassInvalidConfig, Message: err.Error(), Suggestion: "the keys of one action go together: those of apply with manifest, those of helm with helm_chart"}
	}
	if checker, checks := into.(interface{ CheckConfig() error }); checks {
		return checker.CheckConfig()
	}
	return nil
}

// prospect is what a step would bring into a cluster.
type prospect struct {
	*client
	targets []*target
	options applyOptions
	rights  []right // needed besides those for the targets

}

// prospect makes the objects of any action.
func (m *merged[C]) prospect(ctx context.Context, step sdk.Step, out *journal, run Runner[C]) (*prospect, error) {
	switch m.action {
	case "apply":
		return prospectApply(step, m.config)
	case "helm":
		return prospectHelm(ctx, step, m.config, out)
	}
	return prospectRun(ctx, step, m.config, run)
}
