package pipefile

import (
	"sync"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// schemaCache keeps compiled schemas by connector and action. It is safe for
// concurrent use.
type schemaCache struct {
	mu      sync.Mutex
	schemas map[schemaKey]compiled
}

// schemaKey: a replaced binary has another sum, so its schemas are new ones.
type schemaKey struct{ connector, sum, action string }

// compiled is a schema, or why there is none.
type compiled struct {
	schema *schema.Schema
	err    error
}

// maxSchemas bounds the cache over many upgrades of many connectors.
const maxSchemas = 500

func newSchemaCache() *schemaCache { return &schemaCache{schemas: map[schemaKey]compiled{}} }

// get returns the compiled schema of an action.
func (c *schemaCache) get(info *core.ConnectorInfo, action *core.ActionInfo) (*schema.Schema, error) {
	key := schemaKey{info.Name, info.SHA256, action.Name}
	if key.sum == "" {
		key.sum = string(action.ConfigSchema)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, found := c.schemas[key]; found {
		return s.schema, s.err
	}
	if len(c.schemas) >= maxSchemas {
		clear(c.schemas)
	}
	source := []byte(action.ConfigSchema)
	if len(source) == 0 {
		source = []byte("true")
	}
	var s compiled
	s.schema, s.err = schema.Compile(source)
	c.schemas[key] = s
	return s.schema, s.err
}
