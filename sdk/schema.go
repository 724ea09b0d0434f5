package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// reflectSchema makes the JSON Schema of a config struct: everything inline, no
// keys but those of the struct.
func reflectSchema(config any) ([]byte, error) {
	reflector := jsonschema.Reflector{
		DoNotReference:             true,
		ExpandedStruct:             true,
		RequiredFromJSONSchemaTags: true,
		Anonymous:                  true,
	}
	schema := reflector.Reflect(config)
	return json.Marshal(schema)
}

func compileSchema(schema []byte) (*validator.Schema, error) {
	document, err := validator.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	compiler := validator.NewCompiler()
	if err := compiler.AddResource("config.json", document); err != nil {
		return nil, fmt.Errorf("add schema: %w", err)
	}
	compiled, err := compiler.Compile("config.json")
	if err != nil {
		return nil, fmt.Errorf("compile schema: %w", err)
	}
	return compiled, nil
}

// schemaDefaults returns the defaults of the top-level properties.
func schemaDefaults(schema []byte) map[string]json.RawMessage {
	var document struct {
		Properties map[string]struct {
			Default json.RawMessage `json:"default"`
		} `json:"properties"`
	}
	if json.Unmarshal(schema, &document) != nil {
		return nil
	}
	defaults := map[string]json.RawMessage{}
	for name, property := range document.Properties {
		if len(property.Default) > 0 {
			defaults[name] = property.Default
		}
	}
	return defaults
}
