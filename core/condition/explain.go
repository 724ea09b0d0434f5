package condition

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/file"
)

// byteOffset turns a number of runes into one of bytes.
func byteOffset(text string, runes int) int {
	for i := range text {
		if runes <= 0 {
			return i
		}
		runes--
	}
	return len(text)
}

func trimLeft(text string) string { return strings.TrimLeftFunc(text, unicode.IsSpace) }

var (
	unexpectedToken = regexp.MustCompile(`^unexpected token (\w+)(?:\("(.*)"\))?$`)
	mismatch        = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types? (\S+?)(?: and (\S+?))?\)$`)
)

// explain puts an error of expr into our words.
func explain(err error, text string) *SyntaxError {
	var e *file.Error
	if !errors.As(err, &e) {
		return &SyntaxError{Message: "this cannot be read as an expression"}
	}
	problem := &SyntaxError{Offset: byteOffset(text, e.From), Message: e.Message}
	if m := unexpectedToken.FindStringSubmatch(e.Message); m != nil {
		problem.Message, problem.Suggestion = unexpected(m[1], m[2])
		if m[1] == "EOF" {
			problem.Offset = len(text)
		}
	} else if m := mismatch.FindStringSubmatch(e.Message); m != nil {
		problem.Message, problem.Suggestion = mismatched(m[1], m[2], m[3])
	} else if cause, found := strings.CutPrefix(e.Message, "error parsing regexp: "); found {
		problem.Message = "the pattern of matches is wrong: " + cause
	} else if strings.Contains(e.Message, "exceeds maximum") {
		problem.Message, problem.Suggestion = "the expression has too many parts", "let a step decide and give its answer as an output"
	}
	return problem
}

func unexpected(kind, value string) (message, suggestion string) {
	if kind == "EOF" {
		return "the expression ends too early", "something must follow"
	}
	switch value {
	case "=":
		suggestion = "write == to compare"
	case "&":
		suggestion = "write && for and"
	case "|":
		suggestion = "write || for or"
	case "contains", "startsWith", "endsWith", "matches", "in":
		suggestion = "it stands between two values: branch " + value + " 'x'"
	}
	return "unexpected " + value, suggestion
}

func mismatched(operator, left, right string) (message, suggestion string) {
	if right == "" {
		return operator + " cannot be used with " + typeName(left), ""
	}
	message = operator + " cannot be used with " + typeName(left) + " and " + typeName(right)
	switch {
	case left == right:
	case left == "string" && (right == "int" || right == "float64"), right == "string" && (left == "int" || left == "float64"):
		suggestion = "put the number in quotes, or make a number of the text with int()"
	case left == "string" || right == "string":
		suggestion = "compare the text with something: … == 'value'"
	}
	return message, suggestion
}

func typeName(t string) string {
	switch {
	case t == "string":
		return "text"
	case t == "int" || t == "float64":
		return "a number"
	case t == "bool":
		return "true or false"
	case strings.HasPrefix(t, "[]"):
		return "a list"
	default:
		return "something else"
	}
}

// evalText is a message of the machine without its drawing of the source.
func evalText(err error) string {
	var e *file.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
