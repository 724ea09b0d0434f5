package schema

import (
	"fmt"
	"slices"
	"strings"
)

func (c *checker) checkObject(n *node, object map[string]any, pointer string) {
	for _, key := range n.Required {
		if _, given := object[key]; !given {
			c.add(pointer, "", "the key %q is missing", key)
		}
	}
	if n.MinProperties != nil && len(object) < *n.MinProperties {
		c.add(pointer, "", "must have at least %d keys, has %d", *n.MinProperties, len(object))
	}
	if n.MaxProperties != nil && len(object) > *n.MaxProperties {
		c.add(pointer, "", "must have at most %d keys, has %d", *n.MaxProperties, len(object))
	}
	for _, key := range sortedKeys(object) {
		below := pointer + "/" + escapePointer(key)
		c.checkKey(n, object, key, below)
		if n.PropertyNames != nil {
			for _, problem := range c.problemsOf(n.PropertyNames, key, "") {
				c.addKey(below, problem.Suggestion, "the name of the key %q %s", key, problem.Message)
			}
		}
		for _, other := range n.DependentRequired[key] {
			if _, given := object[other]; !given {
				c.add(pointer, "", "the key %q is missing; %q needs it", other, key)
			}
		}
		c.check(n.DependentSchemas[key], object, pointer)
	}
}

// checkKey checks the value of one key by all the schemas that are for it.
func (c *checker) checkKey(n *node, object map[string]any, key, pointer string) {
	schema, known := n.Properties[key]
	c.check(schema, object[key], pointer)
	for _, p := range n.patterns {
		if p.pattern.MatchString(key) {
			known = true
			c.check(p.schema, object[key], pointer)
		}
	}
	switch {
	case known || n.AdditionalProperties == nil:
	case n.AdditionalProperties.refuses:
		c.addKey(pointer, didYouMean(key, sortedKeys(n.Properties), object), "unknown key %q", key)
	default:
		c.check(n.AdditionalProperties, object[key], pointer)
	}
}

func (c *checker) checkList(n *node, list []any, pointer string) {
	if n.MinItems != nil && len(list) < *n.MinItems {
		c.add(pointer, "", "must have at least %d items, has %d", *n.MinItems, len(list))
	}
	if n.MaxItems != nil && len(list) > *n.MaxItems {
		c.add(pointer, "", "must have at most %d items, has %d", *n.MaxItems, len(list))
	}
	for i, item := range list {
		schema := n.Items
		if i < len(n.PrefixItems) {
			schema = n.PrefixItems[i]
		}
		c.check(schema, item, fmt.Sprintf("%s/%d", pointer, i))
	}
	if n.UniqueItems {
		c.checkUnique(list, pointer)
	}
}

// checkUnique reports the first item that is there twice.
func (c *checker) checkUnique(list []any, pointer string) {
	seen := map[string]int{}
	for i, item := range list {
		text := canonical(item)
		if first, again := seen[text]; again {
			c.add(fmt.Sprintf("%s/%d", pointer, i), "", "is there twice: item %d is the same", first+1)
			return
		}
		seen[text] = i
	}
}

// checkCombined checks the keywords that are made of whole schemas.
func (c *checker) checkCombined(n *node, value any, pointer string) {
	for _, schema := range n.AllOf {
		c.check(schema, value, pointer)
	}
	if len(n.AnyOf) > 0 {
		c.checkForms(n.AnyOf, value, pointer, len(n.AnyOf))
	}
	if len(n.OneOf) > 0 {
		c.checkForms(n.OneOf, value, pointer, 1)
	}
	if n.Not != nil && len(c.problemsOf(n.Not, value, pointer)) == 0 {
		c.add(pointer, "", "has a form that is not allowed")
	}
	if n.If != nil {
		if len(c.problemsOf(n.If, value, pointer)) == 0 {
			c.check(n.Then, value, pointer)
		} else {
			c.check(n.Else, value, pointer)
		}
	}
}

// checkForms wants the value to have at least one of the forms, and at most most.
// When just one form is of the value's type, that is the one the user meant, and
// what is wrong with it is the answer.
func (c *checker) checkForms(forms []*node, value any, pointer string, most int) {
	fit := 0
	var meant [][]Problem
	var wanted, reasons []string
	for _, form := range forms {
		problems := c.problemsOf(form, value, pointer)
		if len(problems) == 0 {
			fit++
			continue
		}
		if form != nil && len(form.Type) > 0 && !form.accepts(value) {
			for _, name := range form.Type {
				wanted = append(wanted, typeWords[name])
			}
			continue
		}
		meant = append(meant, problems)
		reasons = append(reasons, problems[0].Message)
	}
	keys := alternativeKeys(forms)
	switch {
	case fit > most && keys != "":
		c.add(pointer, "keep one of them", "only one of these keys may be given: %s", keys)
	case fit > most:
		c.add(pointer, "", "has %d of the forms it may have, and only one is allowed", fit)
	case fit > 0:
	case keys != "":
		c.add(pointer, "", "one of these keys is needed: %s", keys)
	case len(meant) == 1:
		c.problems = append(c.problems, meant[0]...)
		c.problems = c.problems[:min(len(c.problems), MaxProblems)]
	case len(meant) == 0 && len(wanted) > 0:
		slices.Sort(wanted)
		c.add(pointer, "", "expected %s, got %s", strings.Join(slices.Compact(wanted), " or "), describe(value))
	default:
		c.add(pointer, "", "has none of the forms it may have: %s", strings.Join(reasons, "; "))
	}
}

// alternativeKeys names the keys of forms that differ only in the one key that each
// requires, as in "command or script"; it is empty for other forms.
func alternativeKeys(forms []*node) string {
	var keys []string
	for _, form := range forms {
		if form == nil || len(form.Required) != 1 || len(form.Type) > 0 || form.Properties != nil {
			return ""
		}
		keys = append(keys, form.Required[0])
	}
	return strings.Join(keys, ", ")
}
