package condition

import (
	"fmt"
	"slices"
	"strings"
)

// maxExpressions is how many ${{ }} a text may have.
const maxExpressions = 1000

// Template is a text with any number of ${{ expression }}. It is safe for
// concurrent use.
type Template struct {
	parts []part
}

// part is a piece of text, or an expression.
type part struct {
	text       string
	expression *expression
	source     string // of the expression, for messages
}

// ParseTemplate checks a text. The error is always a *SyntaxError, its place that
// in the text. $${{ stands for ${{ itself.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{}
	if !strings.Contains(text, "${{") {
		t.parts = []part{{text: text}}
		return t, nil
	}
	for at := 0; at < len(text); {
		begin := strings.Index(text[at:], "${{")
		if begin < 0 {
			t.parts = append(t.parts, part{text: text[at:]})
			break
		}
		begin += at
		if len(t.parts) >= 2*maxExpressions {
			return nil, &SyntaxError{Offset: begin, Message: fmt.Sprintf("the text has more than %d ${{ }}", maxExpressions), Suggestion: "divide it"}
		}
		if begin > at && text[begin-1] == '$' {
			t.parts = append(t.parts, part{text: text[at:begin-1] + "${{"})
			at = begin + len("${{")
			continue
		}
		if begin > at {
			t.parts = append(t.parts, part{text: text[at:begin]})
		}
		end, problem := t.expression(text, begin)
		if problem != nil {
			return nil, problem
		}
		at = end
	}
	return t, nil
}

// expression adds the one at ${{ and returns where it ends.
func (t *Template) expression(text string, begin int) (int, *SyntaxError) {
	from := begin + len("${{")
	size := closing(text[from:])
	if size < 0 {
		return 0, &SyntaxError{Offset: begin, Message: fmt.Sprintf("${{ is never closed, or not within %d bytes", MaxLength),
			Suggestion: "end it with }}; where ${{ itself is meant, write $${{"}
	}
	source := text[from : from+size]
	if isBlank(source) {
		return 0, &SyntaxError{Offset: begin, Message: "there is nothing between ${{ and }}", Suggestion: "write a value: ${{ branch }}"}
	}
	e, problem := parseExpression(source, inTemplate)
	if problem != nil {
		problem.Offset += from
		return 0, problem
	}
	for i := range e.references {
		e.references[i].Offset += from
	}
	t.parts = append(t.parts, part{expression: e, source: strings.TrimSpace(source)})
	return from + size + len("}}"), nil
}

// closing returns where the }} of an expression is, outside of quotes and ${NAME},
// or -1. It gives up where another ${{ begins, and where the expression would be too
// long.
func closing(text string) int {
	text = text[:min(len(text), MaxLength+len("}}"))]
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "}}"):
			return i
		case strings.HasPrefix(rest, "${{"):
			return -1
		case strings.HasPrefix(rest, "${"):
			if end := strings.IndexByte(rest, '}'); end > 0 {
				i += end
			}
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			if end := quotedEnd(rest); end > 0 {
				i += end - 1
			}
		}
	}
	return -1
}

// References returns what the expressions look up, in their order.
func (t *Template) References() []Reference {
	var all []Reference
	for _, p := range t.parts {
		if p.expression != nil {
			all = slices.Concat(all, p.expression.references)
		}
	}
	return all
}
