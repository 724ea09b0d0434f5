package pipefile

import (
	"errors"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core/condition"
)

// condition returns the checked condition of a stage or step.
func (o *object) condition() string {
	source := o.text("condition")
	if source == "" {
		return ""
	}
	_, err := condition.Parse(source)
	var syntax *condition.SyntaxError
	if errors.As(err, &syntax) {
		o.error(o.within(o.field("condition").value, syntax.Offset), syntax.Message, syntax.Suggestion)
	} else if err != nil {
		o.error(o.field("condition").value.at, err.Error(), "")
	}
	return source
}

// within returns the place of a byte of a scalar's text in the file. It is exact
// where the scalar is on one line or a literal block, and else its beginning.
func (r *reporter) within(v *value, offset int) position {
	offset = min(offset, len(v.text))
	switch v.quoting {
	case literal:
		return r.withinLiteral(v, offset)
	case singleQuoted, doubleQuoted, plain:
		return r.withinLine(v, offset)
	default:
		return v.at
	}
}

func (r *reporter) withinLiteral(v *value, offset int) position {
	line, start := 0, 0
	for i := range offset {
		if v.text[i] == '\n' {
			line, start = line+1, i+1
		}
	}
	at := position{v.at.line + 1 + line, 1}
	rest := v.text[start:]
	for i := range len(rest) {
		if rest[i] == '\n' {
			rest = rest[:i]
			break
		}
	}
	// The block's lines are the text's, indented.
	source := r.line(at.line)
	if len(source) < len(rest) || source[len(source)-len(rest):] != rest {
		return v.at
	}
	at.column = utf8.RuneCountInString(source[:len(source)-len(rest)+offset-start]) + 1
	return at
}

// withinLine walks over the source of a scalar and counts what it stands for.
func (r *reporter) withinLine(v *value, offset int) position {
	source := []rune(r.line(v.at.line))
	i := v.at.column - 1
	if v.quoting != plain {
		i++
	}
	for text := v.text[:offset]; len(text) > 0; i++ {
		if i < 0 || i >= len(source) {
			return v.at
		}
		c, size := utf8.DecodeRuneInString(text)
		switch {
		case v.quoting == singleQuoted && c == '\'', v.quoting == doubleQuoted && source[i] == '\\' && i+1 < len(source) && source[i+1] == c:
			i++ // '' and \" and \\ are two for one.
		case source[i] != c:
			return v.at
		}
		text = text[size:]
	}
	return position{v.at.line, i + 1}
}
