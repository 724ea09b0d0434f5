// Package condition is the expression language of pipelines: the conditions of
// stages and steps, and the templates with ${{ }} in all other texts.
//
//	branch == 'main' && event != 'pull_request'
//	${BRANCH} == 'main' || env.FORCE == 'yes' || params.deploy
//	failure() && steps["test"].outputs["report"] != ''
//	release-${{ matrix.go }}-${{ branch == 'main' ? 'stable' : 'dev' }}
//
// A small part of the expr language is let in: comparisons, logic, text tests and
// + to join texts. Variables are references in the parsed expression and never
// text put into it, so no branch name can change what an expression means.
// Everything has a type, and a condition that cannot give true or false is refused
// when it is parsed.
//
// What is looked up (env, params, matrix, secrets, outputs of steps) is text. It is
// read as something else only where the expression says what it is compared with:
//   - next to a number (3, len(x), int(x), float(x)) it is read as a number. A text
//     that is none equals no number, and an error where numbers are ordered;
//   - next to true or false, and where true or false is wanted (on its own, beside
//     && || ! and before ?), it is true when it is "true" or "1", else false;
//   - everywhere else it is the text, letter for letter.
//
// Because 10 comes before 9 as text, < <= > >= refuse two looked-up values, and one
// with a number in quotes.
package condition

import (
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr/vm"

	"github.com/patchbay-ci/patchbay/core"
)

// MaxLength is the longest expression in bytes: a condition, or what is between
// ${{ and }}.
const MaxLength = 4096

// Bounds of one expression besides its length.
const (
	maxNodes     = 1000
	maxMemory    = 100_000
	maxInterpole = 256 << 10
)

// Condition is a parsed condition. It is safe for concurrent use.
type Condition struct {
	expression *expression // nil for the empty condition
}

// Variables is what an expression can see. Maps may be nil; what is not there is
// the empty text.
type Variables struct {
	Branch, Tag, Event, Commit, Repository string
	// Env is the environment of the step, with BRANCH and CI_*.
	Env map[string]string
	// Params are the values of the pipeline's parameters, Matrix those of the
	// stage's combination.
	Params, Matrix map[string]string
	// ParamTypes are the declared types; only Template.Value looks at them.
	ParamTypes map[string]core.ParamType
	// Secrets are those that the step names. Only templates see them.
	Secrets map[string]string
	// Outputs are those of earlier steps: step name, key. A step of another stage
	// is there by "stage/step", too.
	Outputs map[string]map[string]string
	// Failed: something before it failed. Cancelled: the run is being cancelled.
	// Only conditions see them.
	Failed, Cancelled bool
	// Hash gives hash() of templates: one sum over the files that match. Where it
	// is nil, hash() is an error.
	Hash func(patterns ...string) (string, error)
}

// SyntaxError says what is wrong with an expression.
type SyntaxError struct {
	// Offset is the byte in the source where it is, from 0 to its length.
	Offset     int
	Message    string
	Suggestion string
}

// Error returns the message with the place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("at character %d: %s", e.Offset+1, e.Message)
}

// Parse checks a condition. The error is always a *SyntaxError. An empty or blank
// source is the condition that is always true and costs nothing.
func Parse(source string) (*Condition, error) {
	if isBlank(source) {
		return &Condition{}, nil
	}
	e, problem := parseExpression(source, inCondition)
	if problem != nil {
		return nil, problem
	}
	return &Condition{expression: e}, nil
}

// UsesStatus reports whether the condition calls success(), failure(), always()
// or cancelled(): then it decides by itself whether to run after a failure. All
// others are to be evaluated only when nothing has failed.
func (c *Condition) UsesStatus() bool { return c.expression != nil && c.expression.usesStatus }

// References returns what the condition looks up, in its order.
func (c *Condition) References() []Reference {
	if c.expression == nil {
		return nil
	}
	return slices.Clone(c.expression.references)
}

// Eval returns what the condition says of v. An error means that the values did
// not fit, as in env.PORT > 80 for a PORT that is no number. It keeps nothing of v.
func (c *Condition) Eval(v Variables) (bool, error) {
	if c.expression == nil {
		return true, nil
	}
	result, err := c.expression.run(newScope(v))
	if err != nil {
		return false, fmt.Errorf("evaluate condition: %w", err)
	}
	answer, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("evaluate condition: it gives %T, not true or false", result)
	}
	return answer, nil
}

// run evaluates the expression. What the values of secrets are is in no error.
func (e *expression) run(s *scope) (any, error) {
	machine := vm.VM{MemoryBudget: maxMemory}
	result, err := machine.Run(e.program, s)
	if err != nil && e.usesSecrets {
		return nil, errors.New("its values do not fit what it does with them")
	}
	if err != nil {
		return nil, errors.New(evalText(err))
	}
	return result, nil
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
