package condition

import (
	"reflect"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
)

// compile turns a dereferenced text into a program.
func compile(text string, refs references) (*Condition, *SyntaxError) {
	config := newConfig()
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, explain(err, text)
	}
	r := &resolver{text: text, references: refs}
	if r.resolve(&tree.Node); r.problem != nil {
		return nil, r.problem
	}
	r.wantBool(&tree.Node)
	kind, err := checker.Check(tree, config)
	if err != nil {
		return nil, explain(err, text)
	}
	if kind.Kind() != reflect.Bool {
		return nil, &SyntaxError{Offset: len(text) - len(trimLeft(text)),
			Message:    "this gives " + typeName(kind.String()) + ", not true or false",
			Suggestion: "compare it with something: … == 'value'"}
	}
	program, err := compiler.Compile(tree, config)
	if err != nil {
		return nil, &SyntaxError{Message: "this cannot be read as a condition"}
	}
	return &Condition{program: program, usesStatus: r.usesStatus}, nil
}

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
