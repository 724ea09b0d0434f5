package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxReferences bounds a chain of references that goes nowhere.
const maxReferences = 64

// compile prepares patterns and references of a schema and all below it.
func (n *node) compile(root *node, at string) error {
	if n == nil {
		return nil
	}
	var err error
	if n.Ref != "" {
		if n.target, err = root.resolve(n.Ref); err != nil {
			return fmt.Errorf("schema at %q: %w", at, err)
		}
	}
	if n.Pattern != "" {
		if n.pattern, err = regexp.Compile(n.Pattern); err != nil {
			return fmt.Errorf("schema at %q: pattern: %w", at, err)
		}
	}
	if n.MultipleOf != nil && *n.MultipleOf <= 0 {
		return fmt.Errorf("schema at %q: multipleOf is above zero", at)
	}
	for _, text := range sortedKeys(n.PatternProperties) {
		pattern, err := regexp.Compile(text)
		if err != nil {
			return fmt.Errorf("schema at %q: patternProperties: %w", at, err)
		}
		n.patterns = append(n.patterns, patternProperty{pattern: pattern, schema: n.PatternProperties[text]})
	}
	for _, child := range n.children() {
		if err := child.schema.compile(root, at+"/"+child.name); err != nil {
			return err
		}
	}
	return n.checkLoop(at)
}

type child struct {
	name   string
	schema *node
}

// children lists every schema directly below n.
func (n *node) children() []child {
	list := []child{{"additionalProperties", n.AdditionalProperties}, {"propertyNames", n.PropertyNames},
		{"items", n.Items}, {"not", n.Not}, {"if", n.If}, {"then", n.Then}, {"else", n.Else}}
	for keyword, group := range map[string]map[string]*node{"$defs": n.Defs, "definitions": n.Definitions,
		"properties": n.Properties, "patternProperties": n.PatternProperties, "dependentSchemas": n.DependentSchemas} {
		for name, schema := range group {
			list = append(list, child{keyword + "/" + escapePointer(name), schema})
		}
	}
	for keyword, group := range map[string][]*node{"prefixItems": n.PrefixItems, "allOf": n.AllOf, "anyOf": n.AnyOf, "oneOf": n.OneOf} {
		for i, schema := range group {
			list = append(list, child{fmt.Sprintf("%s/%d", keyword, i), schema})
		}
	}
	return list
}

// resolve finds what a reference within the document means.
func (n *node) resolve(reference string) (*node, error) {
	if reference == "#" {
		return n, nil
	}
	for prefix, definitions := range map[string]map[string]*node{"#/$defs/": n.Defs, "#/definitions/": n.Definitions} {
		if name, is := strings.CutPrefix(reference, prefix); is {
			if target := definitions[unescapePointer(name)]; target != nil {
				return target, nil
			}
			return nil, fmt.Errorf("$ref %q leads nowhere", reference)
		}
	}
	return nil, fmt.Errorf("$ref %q: only #, #/$defs/NAME and #/definitions/NAME are supported", reference)
}

// checkLoop refuses references that lead back to themselves without looking at a
// part of the value.
func (n *node) checkLoop(at string) error {
	target := n.target
	for range maxReferences {
		if target == nil {
			return nil
		}
		if target.target == nil && target.Ref != "" {
			return nil // not compiled yet; its own turn will come
		}
		target = target.target
	}
	return fmt.Errorf("schema at %q: its $ref leads back to itself", at)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// escapePointer escapes one part of a JSON Pointer (RFC 6901, section 3).
func escapePointer(part string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
}

func unescapePointer(part string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
}

// decoded is the value that a schema names in const.
func decoded(raw json.RawMessage) any {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var value any
	_ = decoder.Decode(&value) // it was JSON when the schema was read
	return value
}
