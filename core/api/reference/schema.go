package reference

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
)

// schema is what a page can say of a JSON Schema.
type schema struct {
	Ref                  string
	Type                 any
	Format               string
	Description          string
	Enum                 []any
	Items                *schema
	Properties           map[string]*schema
	Required             []string
	AdditionalProperties json.RawMessage
	OneOf                []*schema
	Default              any
	Minimum, Maximum     *float64
	MinLength, MaxLength *int
	MaxItems             *int
	Pattern              string
}

// UnmarshalJSON reads $ref, too, whose name Go has no field for.
func (s *schema) UnmarshalJSON(data []byte) error {
	type plain schema
	var reference struct {
		Ref string `json:"$ref"`
	}
	if err := json.Unmarshal(data, &reference); err != nil {
		return err
	}
	err := json.Unmarshal(data, (*plain)(s))
	s.Ref = reference.Ref
	return err
}

// read returns an empty schema for what it cannot read: a page with a gap is better
// than none, and the linter says the same louder.
func read(text json.RawMessage) *schema {
	s := new(schema)
	_ = json.Unmarshal(text, s)
	return s
}

// shape is a shared schema as a section of the page.
type shape struct {
	Name, Text string
	Type       template.HTML
	Notes      string
	Fields     []field
}

// field is a parameter, or a property of an object.
type field struct {
	Name, Where string
	Required    bool
	Type        template.HTML
	Notes, Text string
}

func newShape(name string, text json.RawMessage) shape {
	s := read(text)
	out := shape{Name: name, Text: s.Description, Type: s.kind(), Notes: s.notes()}
	for _, property := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[property]
		out.Fields = append(out.Fields, field{Name: property, Required: slices.Contains(s.Required, property), Type: p.kind(),
			Notes: p.notes(), Text: p.Description})
	}
	return out
}

// kind is the type in words, with links to shared schemas.
func (s *schema) kind() template.HTML {
	name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	switch {
	case name != "":
		escaped := template.HTMLEscapeString(name)
		return template.HTML(`<a href="#type-` + escaped + `">` + escaped + `</a>`)
	case len(s.OneOf) > 0:
		var list []string
		for _, one := range s.OneOf {
			list = append(list, string(one.kind()))
		}
		return template.HTML(strings.Join(list, " or "))
	case s.Items != nil:
		return "list of " + s.Items.kind()
	case s.Type == "object" && len(s.AdditionalProperties) > 0 && s.AdditionalProperties[0] == '{':
		return "map of " + read(s.AdditionalProperties).kind()
	case s.Format == "date-time":
		return "time"
	case s.Format == "binary":
		return "file"
	}
	switch t := s.Type.(type) {
	case string:
		return template.HTML(template.HTMLEscapeString(t))
	case []any:
		return template.HTML(template.HTMLEscapeString(strings.Trim(strings.ReplaceAll(fmt.Sprint(t), " ", " or "), "[]")))
	}
	return "any"
}

// notes are the bounds, in words.
func (s *schema) notes() string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = fmt.Sprint(word)
		}
		add("one of %s", strings.Join(words, ", "))
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		add("%v to %v", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		add("at least %v", *s.Minimum)
	case s.Maximum != nil:
		add("at most %v", *s.Maximum)
	}
	if s.MaxLength != nil {
		add("at most %d characters", *s.MaxLength)
	}
	if s.MaxItems != nil {
		add("at most %d", *s.MaxItems)
	}
	if s.Default != nil {
		add("default %v", s.Default)
	}
	return strings.Join(list, "; ")
}
