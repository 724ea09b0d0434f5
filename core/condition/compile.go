package condition

import (
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// place is where an expression stands; it decides what may be used in it.
type place uint8

const (
	inCondition place = iota
	inTemplate
)

// expression is a compiled one.
type expression struct {
	program     *vm.Program
	references  []Reference
	usesStatus  bool
	usesSecrets bool
	// param is NAME, when the expression is params.NAME and nothing else.
	param string
	// kind is what it gives.
	kind reflect.Kind
}

// Reference is something an expression looks up.
type Reference struct {
	// Kind is env, params, matrix, secrets, steps, or hash for the files of the run.
	Kind string
	// Name is what is looked up; of steps the step, of hash the function.
	Name string
	// Output is the key of a step's output.
	Output string
	// Offset is the byte in the source where it is.
	Offset int
}

// parseExpression checks a source that is not blank.
func parseExpression(source string, at place) (e *expression, problem *SyntaxError) {
	if len(source) > MaxLength {
		return nil, &SyntaxError{Offset: MaxLength, Message: fmt.Sprintf("an expression has at most %d bytes, this one has %d", MaxLength, len(source)),
			Suggestion: "let a step decide and give its answer as an output"}
	}
	if !utf8.ValidString(source) {
		return nil, &SyntaxError{Message: "the expression is not UTF-8 text"}
	}
	defer func() {
		// The parser of expr is not ours; a fault of it must not stop a server.
		if fault := recover(); fault != nil {
			e, problem = nil, unreadable()
		}
	}()
	text, words, problem := dereference(source)
	if problem == nil {
		e, problem = compile(text, words, at)
	}
	if problem != nil {
		problem.Offset = min(problem.Offset, len(source))
		return nil, problem
	}
	return e, nil
}

// compile turns a dereferenced text into a program.
func compile(text string, words words, at place) (*expression, *SyntaxError) {
	config := newConfig()
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, explain(err, text)
	}
	r := &resolver{text: text, words: words, place: at}
	if r.resolve(&tree.Node); r.problem != nil {
		return nil, r.problem
	}
	if at == inCondition {
		r.wantBool(&tree.Node)
	}
	kind, err := checker.Check(tree, config)
	if err != nil {
		return nil, explain(err, text)
	}
	if problem := fits(kind, at); problem != nil {
		problem.Offset = len(text) - len(trimLeft(text))
		return nil, problem
	}
	program, err := compiler.Compile(tree, config)
	if err != nil {
		return nil, unreadable()
	}
	e := &expression{program: program, references: r.found, usesStatus: r.usesStatus, kind: kind.Kind()}
	if isLookup(tree.Node) && len(r.found) == 1 && r.found[0].Kind == "params" {
		e.param = r.found[0].Name
	}
	for _, reference := range r.found {
		e.usesSecrets = e.usesSecrets || reference.Kind == "secrets"
	}
	return e, nil
}

// fits checks what an expression gives against where it stands.
func fits(kind reflect.Type, at place) *SyntaxError {
	if at == inCondition {
		if kind.Kind() == reflect.Bool {
			return nil
		}
		return &SyntaxError{Message: "this gives " + typeName(kind.String()) + ", not true or false",
			Suggestion: "compare it with something: … == 'value'"}
	}
	switch kind.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Float64:
		return nil
	case reflect.Interface:
		return &SyntaxError{Message: "this gives values of different kinds", Suggestion: "make both sides of : texts, or both numbers"}
	default:
		return &SyntaxError{Message: "this gives " + typeName(kind.String()) + ", not a text, a number or true or false"}
	}
}

func unreadable() *SyntaxError { return &SyntaxError{Message: "this cannot be read as an expression"} }

func newConfig() *conf.Config {
	config := conf.CreateNew()
	config.WithEnv(scope{})
	expr.MaxNodes(maxNodes)(config)
	expr.DisableAllBuiltins()(config)
	for _, name := range builtins {
		expr.EnableBuiltin(name)(config)
	}
	for name := range config.Disabled {
		delete(config.Builtins, name)
	}
	return config
}
