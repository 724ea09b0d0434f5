package sdk

import (
	"fmt"
	"strings"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// explain turns a validation error into diagnostics, one for each thing to mend.
// keys are those known at the top level.
func explain(e *validator.ValidationError, keys []string, into []Diagnostic) []Diagnostic {
	pointer := pointerTo(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		return append(into, Diagnostic{Severity: SeverityError, Pointer: pointer, Message: alternatives(e)})
	case *kind.AdditionalProperties:
		if len(e.InstanceLocation) > 0 {
			keys = nil
		}
		for _, key := range k.Properties {
			into = append(into, Diagnostic{Severity: SeverityError, Pointer: pointer + "/" + escapePointer(key),
				Message: fmt.Sprintf("unknown key %q", key), Suggestion: didYouMean(key, keys)})
		}
		return into
	case *kind.Required:
		for _, key := range k.Missing {
			into = append(into, Diagnostic{Severity: SeverityError, Pointer: pointer,
				Message: fmt.Sprintf("the key %q is missing", key)})
		}
		return into
	}
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			into = explain(cause, keys, into)
		}
		return into
	}
	return append(into, Diagnostic{Severity: SeverityError, Pointer: pointer, Message: leafText(e)})
}

// leafText is what is wrong with one value, without its place.
func leafText(e *validator.ValidationError) string {
	if k, ok := e.ErrorKind.(*kind.Type); ok {
		return fmt.Sprintf("expected %s, got %s", strings.Join(k.Want, " or "), k.Got)
	}
	text := e.Error()
	if _, after, found := strings.Cut(text, "': "); found && strings.HasPrefix(text, "at '") {
		return after
	}
	return text
}

// alternatives sums up why a value has none of the forms it may have.
func alternatives(e *validator.ValidationError) string {
	var reasons []string
	for _, cause := range e.Causes {
		for _, d := range explain(cause, nil, nil) {
			reasons = append(reasons, d.Message)
		}
	}
	if len(reasons) == 0 {
		return "has more than one of the forms it may have"
	}
	return "has none of the forms it may have: " + strings.Join(reasons, "; ")
}

func pointerTo(path []string) string {
	var b strings.Builder
	for _, part := range path {
		b.WriteString("/" + escapePointer(part))
	}
	return b.String()
}

// escapePointer escapes one part of a JSON Pointer (RFC 6901, section 3).
func escapePointer(part string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
}

func where(pointer string) string {
	if pointer == "" {
		return ""
	}
	return strings.ReplaceAll(strings.TrimPrefix(pointer, "/"), "/", ".") + ": "
}
