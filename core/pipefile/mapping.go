package pipefile

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// mapping makes a mapping of its pairs: keys are unique, merge keys (<<) are
// resolved, and what is written in the mapping itself wins over what is merged.
func (c *composer) mapping(pairs []*ast.MappingValueNode, around position) *value {
	v := &value{kind: kindMap, at: around, weight: 1, entries: make([]entry, 0, len(pairs))}
	places := make(map[string]position, len(pairs))
	var merged []*value
	for i, pair := range pairs {
		if pair == nil || pair.Key == nil {
			return c.fail(around, "a key is missing here", "")
		}
		at := placeOf(pair.Key, around)
		if i == 0 {
			v.at = at
		}
		if pair.Key.IsMergeKey() {
			merged = append(merged, c.compose(pair.Value, at))
			continue
		}
		key := c.compose(pair.Key, at)
		if key.kind >= kindList {
			return c.fail(at, "a key must be a text, not "+key.describe(), "")
		}
		child := c.compose(pair.Value, valuePlace(pair, at))
		if first, twice := places[key.text]; twice {
			c.failed = true
			c.error(at, fmt.Sprintf("the key %s is here twice: first at %d:%d", key.text, first.line, first.column), "keep one of them")
			continue
		}
		places[key.text] = at
		v.entries = append(v.entries, entry{key: key.text, keyAt: at, value: child})
		v.weight += 1 + child.weight
	}
	for _, from := range merged {
		c.merge(v, from, places)
	}
	return c.weigh(v)
}

// valuePlace is where a value that is not written would be.
func valuePlace(pair *ast.MappingValueNode, key position) position {
	if at := tokenPosition(pair.Start); at.line > 0 {
		return at
	}
	return key
}

// merge adds the entries of a mapping, or of a list of them, that are not there.
func (c *composer) merge(into, from *value, places map[string]position) {
	if c.merged += 1 + len(from.entries); c.merged > maxWeight {
		if !c.failed {
			c.fail(from.at, "too much is merged in this document", "write out what is needed")
		}
		return
	}
	switch from.kind {
	case kindMap:
		for _, e := range from.entries {
			if _, there := places[e.key]; there {
				continue
			}
			places[e.key] = e.keyAt
			into.entries = append(into.entries, e)
			into.weight += 1 + e.value.weight
		}
	case kindList:
		for _, item := range from.list {
			if item.kind != kindMap {
				c.fail(item.at, "only mappings can be merged, this is "+item.describe(), "")
				return
			}
			c.merge(into, item, places)
		}
	case kindNull:
		// Merging nothing.
	default:
		c.fail(from.at, "only mappings can be merged, this is "+from.describe(), "write <<: *name")
	}
}
