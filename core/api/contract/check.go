package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// maxShown bounds what of a request is repeated in an error.
const (
	maxShown   = 64
	maxMessage = 300
)

// CheckParameters holds the parts of a request that are not its body against the
// operation: query parameters that it does not have, or that come twice, and values
// that do not fit. The error is CodeInvalid. Headers that it does not name are anybody's.
func (o *Operation) CheckParameters(path map[string]string, query url.Values, header http.Header) error {
	if !o.AnyQuery {
		if err := o.checkNames(query); err != nil {
			return err
		}
	}
	for _, p := range o.Parameters {
		var values []string
		switch p.In {
		case "query":
			values = query[p.Name]
		case "header":
			values = header.Values(p.Name)
		case "path":
			values = []string{path[p.Name]}
		}
		if err := p.checkAll(values); err != nil {
			return err
		}
	}
	return nil
}

func (o *Operation) checkNames(query url.Values) error {
	var known []string
	for _, p := range o.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	for _, name := range sortedKeys(query) {
		if slices.Contains(known, name) {
			continue
		}
		e := &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no parameter %s here", shown(name)),
			Details: "this operation has no parameters"}
		if len(known) > 0 {
			e.Details = "the parameters are " + strings.Join(known, ", ")
		}
		if near := core.Nearest(name, known); near != "" {
			e.Suggestions = []string{"did you mean " + near + "?"}
		}
		return e
	}
	return nil
}

func (p *Parameter) checkAll(values []string) error {
	switch {
	case len(values) == 0 && p.Required:
		return p.problem("is missing", p.Description)
	case len(values) > 1 && p.In == "query":
		return p.problem("is given more than once", "give it once")
	}
	for _, value := range values {
		if err := p.checkOne(value); err != nil {
			return err
		}
	}
	return nil
}

func (p *Parameter) checkOne(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return p.problem("is not text", "send it as UTF-8, percent-encoded")
	}
	value, ok := p.value(text)
	if !ok {
		return p.problem(fmt.Sprintf("is %s, and not %s", shown(text), words[p.kind]), "")
	}
	if found := p.check.Validate(value); len(found) > 0 {
		return p.problem(cut(found[0].Message), found[0].Suggestion)
	}
	return nil
}

// words name the kinds of parameters that are not just text.
var words = map[string]string{"integer": "a whole number", "number": "a number", "boolean": "true or false"}

// value reads a parameter as what its schema says.
func (p *Parameter) value(text string) (any, bool) {
	switch p.kind {
	case "integer", "number":
		// What JSON has for a number is the narrow form that every reader agrees on.
		var number json.Number
		return number, json.Unmarshal([]byte(text), &number) == nil && number != "" && text[0] != '"'
	case "boolean":
		return text == "true", text == "true" || text == "false"
	}
	return text, true
}

func (p *Parameter) problem(what, suggestion string) error {
	name := p.Name
	if p.In == "header" {
		name = "the header " + name
	}
	e := &core.Error{Code: core.CodeInvalid, Message: name + " " + what, Details: p.Description}
	if suggestion != "" && suggestion != p.Description {
		e.Suggestions = []string{suggestion}
	}
	return e
}

// CheckBody holds a body in JSON, decoded with json.Decoder.UseNumber, against the
// operation. Keys whose value is null count as missing. The error is CodeInvalid, and
// does not repeat values: they may be secrets.
func (o *Operation) CheckBody(value any) error {
	if o.Body == nil || o.Body.check == nil {
		return nil
	}
	check, err := o.Body.check()
	if err != nil {
		return fmt.Errorf("the schema of the body of %s: %w", o.ID, err)
	}
	found := check.Validate(withoutNull(value))
	if len(found) == 0 {
		return nil
	}
	e := &core.Error{Code: core.CodeInvalid, Message: "the body is not as it should be"}
	for _, problem := range found[:min(len(found), maxProblems)] {
		e.Details += or(problem.Pointer, "the body") + ": " + cut(problem.Message) + "\n"
		if problem.Suggestion != "" && !slices.Contains(e.Suggestions, problem.Suggestion) {
			e.Suggestions = append(e.Suggestions, problem.Suggestion)
		}
	}
	return e
}

// maxProblems is how many problems of a body are told at once.
const maxProblems = 10

// Schema returns the compiled schema of a body in JSON, or nil: so that a test can
// compile all of them.
func (b *Body) Schema() (*schema.Schema, error) {
	if b == nil || b.check == nil {
		return nil, nil
	}
	return b.check()
}

func withoutNull(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for name, child := range value {
			if child != nil {
				kept[name] = withoutNull(child)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i := range value {
			kept[i] = withoutNull(value[i])
		}
		return kept
	}
	return value
}

func shown(text string) string {
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}

// cut bounds a message that repeats what was sent.
func cut(message string) string {
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return message
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func sortedKeys(m url.Values) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
