package condition

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/patchbay-ci/patchbay/core"
)

// maxExpanded bounds what all expressions of a text give together, in bytes.
const maxExpanded = 1 << 20

// Expand puts values in the place of expressions: texts as they are, numbers and
// true and false as JSON writes them. It keeps nothing of v.
func (t *Template) Expand(v Variables) (string, error) {
	return t.ExpandWith(v, nil)
}

// ExpandWith is Expand, with the text between expressions passed through literal.
// So ${VAR} can be replaced in what the file says, and never in a value.
func (t *Template) ExpandWith(v Variables, literal func(text string) string) (string, error) {
	return t.expand(v, literal, nil)
}

// Value is ExpandWith for what is not always text, the config of a step. Where the
// text is one expression and nothing else, the value keeps its kind: it is a bool, a
// json.Number or a string. The value of params.NAME has the type of the param.
func (t *Template) Value(v Variables, literal func(text string) string) (any, error) {
	text, err := t.ExpandWith(v, literal)
	if err != nil || len(t.parts) != 1 || t.parts[0].expression == nil {
		return text, err
	}
	kind := t.parts[0].expression.kind
	switch v.ParamTypes[t.parts[0].expression.param] {
	case core.ParamBoolean:
		kind = reflect.Bool
	case core.ParamNumber:
		kind = reflect.Float64
	}
	switch {
	case kind == reflect.Bool:
		return truth(text), nil
	case kind != reflect.String && json.Valid([]byte(text)):
		return json.Number(text), nil
	}
	return text, nil
}

// ExpandSafe is Expand for the text of a program. A value is let in only when no
// shell could take it for anything but a word: letters, digits, space and
// _ - . / : @ % + = , and never a secret. Errors name the expression, not the value.
func (t *Template) ExpandSafe(v Variables) (string, error) {
	return t.expand(v, nil, safeForShell)
}

func (t *Template) expand(v Variables, literal func(string) string, check func(*part, string) error) (string, error) {
	var b strings.Builder
	var s *scope
	size := 0
	for i := range t.parts {
		p := &t.parts[i]
		if p.expression == nil {
			text := p.text
			if literal != nil {
				text = literal(text)
			}
			b.WriteString(text)
			continue
		}
		if s == nil {
			s = newScope(v)
		}
		value, err := p.value(s)
		if err == nil && check != nil {
			err = check(p, value)
		}
		if size += len(value); err == nil && size > maxExpanded {
			err = fmt.Errorf("the values are longer than %d bytes together", maxExpanded)
		}
		if err != nil {
			return "", fmt.Errorf("${{ %s }}: %w", p.shown(), err)
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// value evaluates an expression to text.
func (p *part) value(s *scope) (string, error) {
	result, err := p.expression.run(s)
	if err != nil {
		return "", err
	}
	if text, ok := result.(string); ok {
		return text, nil
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return "", errors.New("this is a number that cannot be written")
	}
	return string(encoded), nil
}

// shown is the expression as it is in the file, cut for a message.
func (p *part) shown() string {
	const most = 80
	if r := []rune(p.source); len(r) > most {
		return string(r[:most]) + "…"
	}
	return p.source
}

func safeForShell(p *part, value string) error {
	if p.expression.usesSecrets {
		return errors.New("a secret is never put into a script: name it under secrets of the step, which then gets it as a variable, \"$NAME\"")
	}
	for _, c := range value {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(" _-./:@%+=,", c) {
			return errors.New("the value has a character that a shell would act on: " +
				"pass it as a variable, environment: {NAME: ${{ … }}}, and write \"$NAME\" in the script")
		}
	}
	return nil
}
