// Package condition parses and evaluates the conditions of stages and steps, such
// as
//
//	branch == 'main' && event != 'pull_request'
//	${BRANCH} == 'main' || env.FORCE == 'yes'
//	failure() && steps["test"].outputs["report"] != ''
//
// A small part of the expr language is let in: comparisons, logic, text tests.
// Variables are references in the parsed expression and never text put into it, so
// no branch name can change what a condition means. Everything has a type, and a
// condition that cannot give true or false is refused when it is parsed.
package condition

import (
	"fmt"
	"unicode/utf8"

	"github.com/expr-lang/expr/vm"
)

// MaxLength is the longest condition in bytes.
const MaxLength = 4096

// Bounds of one condition besides its length.
const (
	maxNodes     = 1000
	maxMemory    = 100_000
	maxInterpole = 256 << 10
)

// Condition is a parsed condition. It is safe for concurrent use.
type Condition struct {
	program    *vm.Program // nil for the empty condition
	usesStatus bool
}

// Variables is what a condition can see. Maps may be nil; what is not there is
// the empty text.
type Variables struct {
	Branch, Tag, Event, Commit, Repository string
	// Env is the environment of the step, with BRANCH and CI_*.
	Env map[string]string
	// Outputs are those of earlier steps: step name, key.
	Outputs map[string]map[string]string
	// Failed: something before it failed. Cancelled: the run is being cancelled.
	Failed, Cancelled bool
}

// SyntaxError says what is wrong with a condition.
type SyntaxError struct {
	// Offset is the byte in the source where it is, from 0 to its length.
	Offset     int
	Message    string
	Suggestion string
}

// Error returns the message with the place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("condition, at character %d: %s", e.Offset+1, e.Message)
}

// Parse checks a condition. The error is always a *SyntaxError. An empty or blank
// source is the condition that is always true and costs nothing.
func Parse(source string) (c *Condition, err error) {
	if isBlank(source) {
		return &Condition{}, nil
	}
	if len(source) > MaxLength {
		return nil, &SyntaxError{Offset: MaxLength, Message: fmt.Sprintf("a condition has at most %d bytes, this one has %d", MaxLength, len(source)),
			Suggestion: "let a step decide and give its answer as an output"}
	}
	if !utf8.ValidString(source) {
		return nil, &SyntaxError{Message: "the condition is not UTF-8 text"}
	}
	defer func() {
		// The parser of expr is not ours; a fault of it must not stop a server.
		if fault := recover(); fault != nil {
			c, err = nil, &SyntaxError{Message: "this cannot be read as a condition"}
		}
	}()
	text, references, problem := dereference(source)
	if problem != nil {
		return nil, problem
	}
	c, problem = compile(text, references)
	if problem != nil {
		problem.Offset = min(problem.Offset, len(source))
		return nil, problem
	}
	return c, nil
}

// UsesStatus reports whether the condition calls success(), failure(), always()
// or cancelled(): then it decides by itself whether to run after a failure. All
// others are to be evaluated only when nothing has failed.
func (c *Condition) UsesStatus() bool { return c.usesStatus }

// Eval returns what the condition says of v. An error means that the values did
// not fit, as in int(env.PORT) for a PORT that is no number. It keeps nothing of v.
func (c *Condition) Eval(v Variables) (bool, error) {
	if c.program == nil {
		return true, nil
	}
	machine := vm.VM{MemoryBudget: maxMemory}
	result, err := machine.Run(c.program, newScope(v))
	if err != nil {
		return false, fmt.Errorf("evaluate condition: %s", evalText(err))
	}
	answer, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("evaluate condition: it gives %T, not true or false", result)
	}
	return answer, nil
}

func isBlank(source string) bool {
	for i := range len(source) {
		switch source[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return false
		}
	}
	return true
}
