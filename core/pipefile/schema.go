package pipefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/patchbay-ci/patchbay/core"
)

// schemaCache keeps compiled schemas by connector and action. It is safe for
// concurrent use.
type schemaCache struct {
	mu      sync.Mutex
	schemas map[schemaKey]*schema
}

// schemaKey: a replaced binary has another sum, so its schemas are new ones.
type schemaKey struct{ connector, sum, action string }

// maxSchemas bounds the cache over many upgrades of many connectors.
const maxSchemas = 500

func newSchemaCache() *schemaCache { return &schemaCache{schemas: map[schemaKey]*schema{}} }

// get returns the compiled schema of an action.
func (c *schemaCache) get(info *core.ConnectorInfo, action *core.ActionInfo) (*schema, error) {
	key := schemaKey{info.Name, info.SHA256, action.Name}
	if key.sum == "" {
		key.sum = string(action.ConfigSchema)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, found := c.schemas[key]; found {
		return s, s.err
	}
	if len(c.schemas) >= maxSchemas {
		clear(c.schemas)
	}
	s := compileSchema(action.ConfigSchema)
	c.schemas[key] = s
	return s, s.err
}

// schema is the schema of one action's config.
type schema struct {
	compiled *jsonschema.Schema
	root     map[string]any
	err      error
}

// noLoader keeps a connector's schema from reading files of this machine.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a schema must be complete in itself, this one wants %s", url)
}

func compileSchema(source json.RawMessage) *schema {
	s := &schema{}
	if len(bytes.TrimSpace(source)) == 0 {
		source = json.RawMessage("true")
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		return &schema{err: fmt.Errorf("it is not JSON: %w", err)}
	}
	s.root, _ = document.(map[string]any)
	const url = "connector:///config.json"
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if s.err = compiler.AddResource(url, document); s.err != nil {
		return s
	}
	s.compiled, s.err = compiler.Compile(url)
	return s
}

// check returns what is wrong with a config.
func (s *schema) check(config *value, step string) []violation {
	err := s.compiled.Validate(config.instance())
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []violation{{message: "the config cannot be checked: " + err.Error()}}
	}
	e := explainer{schema: s, config: config, step: step}
	return e.explain(invalid)
}

// at returns the part of the schema for a path, as far as it says so directly.
func (s *schema) at(path []string) map[string]any {
	at := s.root
	for _, part := range path {
		properties, _ := at["properties"].(map[string]any)
		next, found := properties[part].(map[string]any)
		if !found {
			if next, found = at["items"].(map[string]any); !found {
				return nil
			}
		}
		at = next
	}
	return at
}

// properties returns the sorted keys that the schema knows at a path.
func (s *schema) properties(path []string) []string {
	properties, _ := s.at(path)["properties"].(map[string]any)
	names := make([]string, 0, len(properties))
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// itemType returns the type of the items of a list at a path, or "".
func (s *schema) itemType(path []string) string {
	at := s.at(path)
	forms := []any{at}
	for _, key := range []string{"anyOf", "oneOf"} {
		more, _ := at[key].([]any)
		forms = append(forms, more...)
	}
	for _, form := range forms {
		object, _ := form.(map[string]any)
		items, _ := object["items"].(map[string]any)
		if name, found := items["type"].(string); found {
			return name
		}
	}
	return ""
}
