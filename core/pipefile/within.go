package pipefile

import (
	"strings"
	"unicode/utf8"
)

// maxWalk is how far into a text that is not a literal block places are looked for.
const maxWalk = 64 << 10

// within returns the place of a byte of a scalar's text in the file: exact, or the
// scalar's beginning where its text is not what stands there.
func (r *reporter) within(v *value, offset int) position {
	offset = min(offset, len(v.text))
	switch {
	case v.quoting == literal:
		return r.withinLiteral(v, offset)
	case offset <= maxWalk:
		return r.withinFolded(v, offset)
	default:
		return v.at
	}
}

func (r *reporter) withinLiteral(v *value, offset int) position {
	start := strings.LastIndexByte(v.text[:offset], '\n') + 1
	at := position{v.at.line + 1 + strings.Count(v.text[:offset], "\n"), 1}
	rest, _, _ := strings.Cut(v.text[start:], "\n")
	// The block's lines are the text's, indented.
	source := r.line(at.line)
	if !strings.HasSuffix(source, rest) {
		return v.at
	}
	at.column = utf8.RuneCountInString(source[:len(source)-len(rest)+offset-start]) + 1
	return at
}

// withinFolded walks over the source of a scalar and counts what it stands for: the
// end of a line, with the indentation of the next, is a blank.
func (r *reporter) withinFolded(v *value, offset int) position {
	line, i := v.at.line, v.at.column-1
	content := func() []rune { return []rune(strings.TrimRight(r.line(line), " \t")) }
	source := content()
	next := func() {
		for line++; line < len(r.starts) && strings.TrimSpace(r.line(line)) == ""; line++ {
		}
		source = content()
		for i = 0; i < len(source) && (source[i] == ' ' || source[i] == '\t'); i++ {
		}
	}
	switch v.quoting {
	case folded:
		next()
	case singleQuoted, doubleQuoted:
		i++
	}
	for text := v.text[:offset]; len(text) > 0; {
		c, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		switch {
		case i < 0:
			return v.at
		case (c == ' ' || c == '\n') && i >= len(source):
			text = strings.TrimLeft(text, "\n")
			next()
		case i >= len(source):
			return v.at
		case v.quoting == singleQuoted && c == '\'', v.quoting == doubleQuoted && source[i] == '\\' && i+1 < len(source) && source[i+1] == c:
			i += 2 // '' and \" and \\ are two for one.
		case source[i] == c:
			i++
		default:
			return v.at
		}
	}
	return position{line, i + 1}
}
