package sdk

import (
	"encoding/json"

	"github.com/invopop/jsonschema"
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
	return json.Marshal(reflector.Reflect(config))
}
