package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Problem is one thing to mend in a config.
type Problem struct {
	// Pointer says where, as a JSON Pointer (RFC 6901); empty for the whole.
	Pointer string
	Message string
	// Suggestion says what to do; may be empty.
	Suggestion string
	// Key says that Pointer means the key there, not its value.
	Key bool
}

// Unknown stands in a value for a part that is not known yet, such as a text that
// is completed when the step runs. It fits every schema.
type Unknown struct{}

// MaxProblems is how many problems are reported at once.
const MaxProblems = 50

// Bounds on schemas and values that are nested in themselves: how deep, and how
// many pairs of a schema and a value are looked at in all.
const (
	maxDepth = 200
	maxWork  = 1 << 20
)

// Validate checks a value that was decoded with json.Decoder.UseNumber.
func (s *Schema) Validate(value any) []Problem {
	c := &checker{work: new(int)}
	c.check(s.root, value, "")
	return c.problems
}

// checker collects the problems of one value.
type checker struct {
	problems []Problem
	depth    int
	work     *int
}

func (c *checker) add(pointer, suggestion, format string, args ...any) {
	if len(c.problems) < MaxProblems {
		c.problems = append(c.problems, Problem{Pointer: pointer, Suggestion: suggestion, Message: fmt.Sprintf(format, args...)})
	}
}

// addKey adds a problem of a key itself.
func (c *checker) addKey(pointer, suggestion, format string, args ...any) {
	if len(c.problems) < MaxProblems {
		c.add(pointer, suggestion, format, args...)
		c.problems[len(c.problems)-1].Key = true
	}
}

// problemsOf checks a value on the side.
func (c *checker) problemsOf(n *node, value any, pointer string) []Problem {
	side := &checker{depth: c.depth, work: c.work}
	side.check(n, value, pointer)
	return side.problems
}

func (c *checker) check(n *node, value any, pointer string) {
	if _, unknown := value.(Unknown); n == nil || unknown {
		return
	}
	c.depth++
	defer func() { c.depth-- }()
	if *c.work++; c.depth > maxDepth || *c.work > maxWork {
		c.add(pointer, "", "is nested too deeply, or is too large, to be checked")
		return
	}
	if n.refuses {
		c.add(pointer, "", "is not allowed here")
		return
	}
	if !c.checkType(n, value, pointer) {
		return // what else there is to say would be noise
	}
	c.check(n.target, value, pointer)
	c.checkChoice(n, value, pointer)
	switch v := value.(type) {
	case map[string]any:
		c.checkObject(n, v, pointer)
	case []any:
		c.checkList(n, v, pointer)
	case string:
		c.checkText(n, v, pointer)
	case json.Number:
		c.checkNumber(n, v, pointer)
	}
	c.checkCombined(n, value, pointer)
}

func (c *checker) checkType(n *node, value any, pointer string) bool {
	if len(n.Type) == 0 || n.accepts(value) {
		return true
	}
	words := make([]string, len(n.Type))
	for i, name := range n.Type {
		words[i] = typeWords[name]
	}
	c.add(pointer, quoteHint(n.Type, value), "expected %s, got %s", strings.Join(words, " or "), describe(value))
	return false
}

// accepts reports whether the value is of one of the types.
func (n *node) accepts(value any) bool {
	is := typeOf(value)
	for _, name := range n.Type {
		if name == is || name == "integer" && is == "number" && whole(value.(json.Number)) {
			return true
		}
	}
	return false
}

// checkChoice checks enum and const.
func (c *checker) checkChoice(n *node, value any, pointer string) {
	if len(n.Const) > 0 {
		if want := decoded(n.Const); !equal(want, value) {
			c.add(pointer, "", "must be %s", literal(want))
		}
	}
	if n.Enum == nil {
		return
	}
	var literals, words []string
	for _, allowed := range *n.Enum {
		if equal(allowed, value) {
			return
		}
		literals = append(literals, literal(allowed))
		if word, isText := allowed.(string); isText {
			words = append(words, word)
		}
	}
	suggestion := ""
	if text, isText := value.(string); isText {
		suggestion = nearest(text, words)
	}
	c.add(pointer, suggestion, "must be one of %s, is %s", strings.Join(literals, ", "), literal(value))
}

func (c *checker) checkText(n *node, text, pointer string) {
	length := utf8.RuneCountInString(text)
	if n.MinLength != nil && length < *n.MinLength {
		if length == 0 {
			c.add(pointer, "", "must not be empty")
		} else {
			c.add(pointer, "", "must have at least %d characters, has %d", *n.MinLength, length)
		}
	}
	if n.MaxLength != nil && length > *n.MaxLength {
		c.add(pointer, "", "must have at most %d characters, has %d", *n.MaxLength, length)
	}
	if n.pattern != nil && !n.pattern.MatchString(text) {
		c.add(pointer, "", "must match the pattern %s", n.Pattern)
	}
}

func (c *checker) checkNumber(n *node, number json.Number, pointer string) {
	value, _ := number.Float64() // infinite when it is out of range, which compares well
	switch {
	case n.Minimum != nil && value < *n.Minimum:
		c.add(pointer, "", "must be at least %v, is %s", *n.Minimum, number)
	case n.ExclusiveMinimum != nil && value <= *n.ExclusiveMinimum:
		c.add(pointer, "", "must be above %v, is %s", *n.ExclusiveMinimum, number)
	case n.Maximum != nil && value > *n.Maximum:
		c.add(pointer, "", "must be at most %v, is %s", *n.Maximum, number)
	case n.ExclusiveMaximum != nil && value >= *n.ExclusiveMaximum:
		c.add(pointer, "", "must be below %v, is %s", *n.ExclusiveMaximum, number)
	}
	if n.MultipleOf != nil {
		quotient := value / *n.MultipleOf
		if math.Abs(quotient-math.Round(quotient)) > 1e-9*max(1, math.Abs(quotient)) {
			c.add(pointer, "", "must be a multiple of %v, is %s", *n.MultipleOf, number)
		}
	}
}
