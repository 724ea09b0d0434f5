package schema

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// typeWords are what people call the types of JSON Schema.
var typeWords = map[string]string{
	"string": "a text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
	"array": "a list", "object": "a map", "null": "nothing",
}

func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	default:
		return "object"
	}
}

// describe says what a value is, scalars with their content.
func describe(value any) string {
	switch v := value.(type) {
	case string:
		return "the text " + literal(v)
	case json.Number:
		return "the number " + literal(v)
	case bool:
		return literal(v)
	default:
		return typeWords[typeOf(value)]
	}
}

// maxLiteral bounds how much of a value is repeated in a message.
const maxLiteral = 60

func literal(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return typeWords[typeOf(value)]
	}
	text := []rune(string(data))
	if len(text) > maxLiteral {
		return string(text[:maxLiteral]) + "…"
	}
	return string(text)
}

// quoteHint helps with the commonest slip in YAML: 1.10, yes and 08 are not texts.
func quoteHint(want typeNames, value any) string {
	switch v := value.(type) {
	case json.Number, bool:
		if slices.Contains(want, "string") {
			return "put it in quotes"
		}
	case string:
		_, notNumber := strconv.ParseFloat(v, 64)
		isNumber := notNumber == nil && (slices.Contains(want, "number") || slices.Contains(want, "integer"))
		if isNumber || (v == "true" || v == "false") && slices.Contains(want, "boolean") {
			return "write it without quotes"
		}
	}
	return ""
}

// whole reports whether a number has no fraction; 1.0 has none.
func whole(number json.Number) bool {
	if _, err := number.Int64(); err == nil {
		return true
	}
	value, err := number.Float64()
	return err == nil && value == math.Trunc(value)
}

// equal compares as JSON Schema does: 1 is 1.0, and the order of keys is nothing.
func equal(a, b any) bool { return canonical(a) == canonical(b) }

// canonical is the same text for values that are equal.
func canonical(value any) string {
	switch v := value.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && math.Abs(f) < 1<<53 {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return v.String()
	case string:
		return strconv.Quote(v)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = canonical(item)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, key := range sortedKeys(v) {
			parts = append(parts, strconv.Quote(key)+":"+canonical(v[key]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	default:
		return "null"
	}
}
