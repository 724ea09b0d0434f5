package pipefile

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	violated "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// violation is one thing that is wrong with a config.
type violation struct {
	path       []string
	key        string // an unknown key at path
	message    string
	suggestion string
}

// place returns where in the file it is: the unknown key, the value, or what
// should have it.
func (v violation) place(w *work) position {
	at, node := w.configAt, w.config
	for _, part := range v.path {
		next, nextAt := node.child(part)
		if next == nil {
			break
		}
		node, at = next, nextAt
	}
	if v.key != "" {
		for _, e := range node.entries {
			if e.key == v.key {
				return e.keyAt
			}
		}
	}
	return at
}

// child returns the member of a mapping or list, and where it is.
func (v *value) child(part string) (*value, position) {
	if v.kind == kindList {
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(v.list) {
			return v.list[i], v.list[i].at
		}
		return nil, position{}
	}
	if child := v.get(part); child != nil {
		return child, child.at
	}
	return nil, position{}
}

// explainer puts the findings of the validator into words.
type explainer struct {
	schema *schema
	config *value
	step   string
}

func (x explainer) at(path []string) *value {
	node := x.config
	for _, part := range path {
		if node, _ = node.child(part); node == nil {
			return &value{}
		}
	}
	return node
}

// hasPlaceholder reports whether a text is only known once the step runs.
func hasPlaceholder(v *value) bool { return v.kind == kindString && strings.Contains(v.text, "${") }

func (x explainer) explain(e *jsonschema.ValidationError) []violation {
	path := e.InstanceLocation
	node := x.at(path)
	if hasPlaceholder(node) {
		return nil
	}
	switch k := e.ErrorKind.(type) {
	case *violated.AnyOf, *violated.OneOf:
		return x.alternatives(e, node)
	case *violated.AdditionalProperties:
		return x.unknownKeys(path, k.Properties)
	case *violated.Required:
		return x.missing(path, k.Missing)
	case *violated.DependentRequired:
		return x.missing(path, k.Missing)
	case *violated.Dependency:
		return x.missing(path, k.Missing)
	case *violated.FalseSchema:
		if len(path) > 0 {
			return x.unknownKeys(path[:len(path)-1], path[len(path)-1:])
		}
	}
	if len(e.Causes) > 0 {
		var all []violation
		for _, cause := range e.Causes {
			all = append(all, x.explain(cause)...)
		}
		return all
	}
	message, suggestion := x.leaf(e, node)
	return []violation{{path: path, message: named(path) + message, suggestion: suggestion}}
}

// named puts the key before a message about its value.
func named(path []string) string {
	if len(path) == 0 {
		return "config: "
	}
	return strings.Join(path, ".") + ": "
}

func (x explainer) unknownKeys(path, keys []string) []violation {
	known := x.schema.properties(path)
	var all []violation
	for _, key := range keys {
		what := "the config"
		if len(path) > 0 {
			what = strings.Join(path, ".")
		}
		all = append(all, violation{path: path, key: key, message: fmt.Sprintf("%s has no key %q", what, short(key)),
			suggestion: suggest(key, known, "known keys")})
	}
	return all
}

func (x explainer) missing(path, keys []string) []violation {
	var all []violation
	for _, key := range keys {
		message := fmt.Sprintf("step %q needs %s in its config", short(x.step), key)
		if len(path) > 0 {
			message = fmt.Sprintf("step %q needs %s in %s", short(x.step), key, strings.Join(path, "."))
		}
		all = append(all, violation{path: path, message: message, suggestion: "add " + key + ": …"})
	}
	return all
}

// alternatives explains why a value has none of the forms it may have: by the form
// that it nearly has, or by naming the forms.
func (x explainer) alternatives(e *jsonschema.ValidationError, node *value) []violation {
	var wanted []string
	var nearest []violation
	for _, cause := range e.Causes {
		found := x.explain(cause)
		if len(found) == 0 {
			return nil // Right but for what is not known yet.
		}
		if types, isType := wrongType(cause, e.InstanceLocation); isType {
			wanted = append(wanted, types...)
		} else if nearest == nil || len(found) < len(nearest) {
			nearest = found
		}
	}
	if nearest != nil {
		return nearest
	}
	message := "has more than one of the forms it may have"
	if len(wanted) > 0 {
		message = x.expected(e.InstanceLocation, wanted, node)
	}
	return []violation{{path: e.InstanceLocation, message: named(e.InstanceLocation) + message}}
}

// wrongType returns the types that a form wants when the value's own type is what
// is wrong with it.
func wrongType(e *jsonschema.ValidationError, path []string) ([]string, bool) {
	if k, ok := e.ErrorKind.(*violated.Type); ok && slices.Equal(e.InstanceLocation, path) {
		return k.Want, true
	}
	for _, cause := range e.Causes {
		if types, ok := wrongType(cause, path); ok {
			return types, true
		}
	}
	return nil, false
}

var typeNames = map[string]string{"string": "a text", "integer": "a whole number", "number": "a number",
	"boolean": "true or false", "array": "a list", "object": "a mapping", "null": "nothing"}

// listNames are lists by the type of their items.
var listNames = map[string]string{"string": "a list of texts", "integer": "a list of whole numbers",
	"number": "a list of numbers", "object": "a list of mappings"}

func (x explainer) expected(path, types []string, node *value) string {
	var names []string
	for _, t := range types {
		name := typeNames[t]
		if list := listNames[x.schema.itemType(path)]; t == "array" && list != "" {
			name = list
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return fmt.Sprintf("expected %s, got %s", strings.Join(names, " or "), node.describe())
}

// leaf says what is wrong with one value, and what to do.
func (x explainer) leaf(e *jsonschema.ValidationError, node *value) (message, suggestion string) {
	switch k := e.ErrorKind.(type) {
	case *violated.Type:
		if slices.Contains(k.Want, "string") && node.kind < kindString {
			suggestion = "quote it"
		}
		return x.expected(e.InstanceLocation, k.Want, node), suggestion
	case *violated.Enum:
		words := make([]string, 0, len(k.Want))
		for _, want := range k.Want {
			words = append(words, fmt.Sprint(want))
		}
		return fmt.Sprintf("%s is not one of %s", node.describe(), strings.Join(words, ", ")), suggest(node.text, words, "choose one of")
	case *violated.Const:
		return fmt.Sprintf("must be %v, this is %s", k.Want, node.describe()), ""
	case *violated.Pattern:
		return fmt.Sprintf("%s does not have the form %s", node.describe(), k.Want), ""
	case *violated.Minimum:
		return "must be at least " + decimal(k.Want), ""
	case *violated.Maximum:
		return "must be at most " + decimal(k.Want), ""
	case *violated.MinLength:
		if k.Want == 1 {
			return "must not be empty", ""
		}
		return fmt.Sprintf("must have at least %d characters", k.Want), ""
	case *violated.MinItems:
		return fmt.Sprintf("must have at least %d items", k.Want), ""
	}
	text := e.Error()
	if _, after, found := strings.Cut(text, "': "); found && strings.HasPrefix(text, "at '") {
		return after, ""
	}
	return text, ""
}

func decimal(n *big.Rat) string {
	if n.IsInt() {
		return n.Num().String()
	}
	f, _ := n.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}
