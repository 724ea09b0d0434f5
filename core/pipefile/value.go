package pipefile

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// kind is what a value is in YAML's core schema.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindMap
)

// value is a part of a document: the YAML tree without its syntax. A value that
// an alias names is shared, not copied, and nothing changes after compose.
type value struct {
	kind kind
	at   position
	// text of a scalar; for a plain one exactly what is written in the file.
	text    string
	quoting quoting
	list    []*value
	entries []entry
	// weight is the size when every alias is written out.
	weight int
}

// entry is a key of a mapping and what belongs to it.
type entry struct {
	key   string
	keyAt position
	value *value
}

// quoting is how a string is written, for places within it.
type quoting uint8

const (
	plain quoting = iota
	singleQuoted
	doubleQuoted
	literal
	folded
)

// scalarKind classifies a plain scalar by YAML 1.2's core schema. A number with a
// leading zero is a string: 0644 is not the same number to all YAML parsers.
func scalarKind(text string) kind {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return kindNull
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return kindBool
	}
	if _, ok := number(text); ok {
		return kindNumber
	}
	return kindString
}

// number returns a YAML number as JSON writes it.
func number(text string) (string, bool) {
	if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0o") {
		n, err := strconv.ParseUint(text, 0, 63)
		return strconv.FormatUint(n, 10), err == nil && !strings.Contains(text, "_")
	}
	s := text
	sign := ""
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	if strings.HasPrefix(s, ".") && len(s) > 1 {
		s = "0" + s
	}
	if s == "" || s[0] < '0' || s[0] > '9' || !json.Valid([]byte(s)) {
		return "", false
	}
	return sign + s, true
}

// get returns the value of a key, or nil.
func (v *value) get(key string) *value {
	for i := range v.entries {
		if v.entries[i].key == key {
			return v.entries[i].value
		}
	}
	return nil
}

// describe names what a value is in words for people.
func (v *value) describe() string {
	switch v.kind {
	case kindNull:
		return "nothing"
	case kindBool:
		return v.text
	case kindNumber:
		return "the number " + v.text
	case kindString:
		if text := []rune(v.text); len(text) > 30 || strings.Contains(v.text, "\n") {
			return "a text"
		}
		return strconv.Quote(v.text)
	case kindList:
		return "a list"
	default:
		return "a mapping"
	}
}

// appendJSON writes the value as JSON.
func (v *value) appendJSON(b []byte) []byte {
	switch v.kind {
	case kindNull:
		return append(b, "null"...)
	case kindBool:
		return append(b, strings.ToLower(v.text)...)
	case kindNumber:
		n, _ := number(v.text)
		return append(b, n...)
	case kindString:
		return appendString(b, v.text)
	case kindList:
		b = append(b, '[')
		for i, item := range v.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	default:
		b = append(b, '{')
		for i := range v.entries {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, v.entries[i].key), ':')
			b = v.entries[i].value.appendJSON(b)
		}
		return append(b, '}')
	}
}

// appendString writes a JSON string; that of a valid Go string cannot fail.
func appendString(b []byte, text string) []byte {
	encoded, _ := json.Marshal(text)
	return append(b, encoded...)
}

// instance returns the value as the JSON Schema validator wants it.
func (v *value) instance() any {
	switch v.kind {
	case kindNull:
		return nil
	case kindBool:
		return strings.EqualFold(v.text, "true")
	case kindNumber:
		n, _ := number(v.text)
		return json.Number(n)
	case kindString:
		if strings.Contains(v.text, "${") {
			return schema.Unknown{} // only the run will tell
		}
		return v.text
	case kindList:
		list := make([]any, len(v.list))
		for i, item := range v.list {
			list[i] = item.instance()
		}
		return list
	default:
		object := make(map[string]any, len(v.entries))
		for i := range v.entries {
			object[v.entries[i].key] = v.entries[i].value.instance()
		}
		return object
	}
}
