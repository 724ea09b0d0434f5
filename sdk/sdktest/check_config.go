package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/patchbay-ci/patchbay/sdk"
	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// notObjects are refused by every connector, whatever its schemas say.
var notObjects = []string{`[]`, `"text"`, `7`, `true`, `{"a":`, `{} {}`, "\x00\xff"}

func checkBadConfig(ctx context.Context, k *kit, _ *Case) error {
	for _, action := range k.info.Actions {
		compiled, err := schema.Compile(action.ConfigSchema)
		if err != nil {
			return fmt.Errorf("action %q: %w", action.Name, err)
		}
		for _, config := range badConfigs(action.ConfigSchema, compiled) {
			if err := k.refuses(ctx, action.Name, config); err != nil {
				return fmt.Errorf("action %q with config %s: %w", action.Name, config, err)
			}
		}
	}
	return nil
}

// badConfigs are those that a schema refuses: not an object, a key that it does
// not know, and a value of the wrong type for each key.
func badConfigs(document []byte, compiled *schema.Schema) []string {
	configs := slices.Clone(notObjects)
	if unknown := `{"sdktest_unknown_key":1}`; len(compiled.Check([]byte(unknown))) > 0 {
		configs = append(configs, unknown)
	}
	var properties struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(document, &properties) != nil {
		return configs
	}
	for name := range properties.Properties {
		for _, value := range []string{`[[[]]]`, `{"sdktest":[1]}`, `"sdktest"`, `12.5`, `true`} {
			key, _ := json.Marshal(name)
			config := fmt.Sprintf(`{%s:%s}`, key, value)
			if blames(compiled, config) {
				configs = append(configs, config)
				break
			}
		}
	}
	slices.Sort(configs)
	return configs
}

// blames reports whether the schema refuses a config because of a value in it,
// and not only for want of another key.
func blames(compiled *schema.Schema, config string) bool {
	return slices.ContainsFunc(compiled.Check([]byte(config)), func(p schema.Problem) bool { return p.Pointer != "" })
}

// refuses checks that a step with such a config is an invalid_config error.
func (k *kit) refuses(ctx context.Context, action, config string) error {
	a, err := k.newAttempt(nil)
	if err != nil {
		return err
	}
	a.step.Action, a.step.Config = action, []byte(config)
	result, _, err := a.runToEnd(ctx, sdk.Offsets{})
	switch {
	case err == nil:
		return fmt.Errorf("RunStep went ahead and %s; want an error of class %s", describe(result), sdk.ClassInvalidConfig)
	case sdk.ClassOf(err) != sdk.ClassInvalidConfig:
		return fmt.Errorf("want an error of class %s, got %s: %w", sdk.ClassInvalidConfig, sdk.ClassOf(err), err)
	}
	if err.Error() == "" {
		return fmt.Errorf("the error has no message")
	}
	diagnostics, err := k.client.ValidateConfig(ctx, sdk.ValidateRequest{Action: action, Config: []byte(config)})
	if err != nil && sdk.ClassOf(err) != sdk.ClassInvalidConfig {
		return fmt.Errorf("ValidateConfig: %w", err)
	}
	for _, d := range diagnostics {
		if d.Severity == "" || d.Message == "" {
			return fmt.Errorf("ValidateConfig: a diagnostic without severity or message: %+v", d)
		}
	}
	return nil
}

func checkUnknownAction(ctx context.Context, k *kit, _ *Case) error {
	return k.refuses(ctx, "sdktest-no-such-action", `{}`)
}
