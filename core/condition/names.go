package condition

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/patchbay-ci/patchbay/core"
)

func (r *resolver) resolveName(node *ast.Node, n *ast.IdentifierNode) {
	if name, found := r.references[n.Location().From]; found {
		ast.Patch(node, envReference(name))
		return
	}
	switch {
	case slices.Contains(texts, n.Value):
	case slices.Contains(functions, n.Value):
		r.fail(n, "write "+n.Value+"()", "%s is a function", n.Value)
	case n.Value == "env":
		r.fail(n, "write env.NAME", "env alone is no value")
	case n.Value == "steps":
		r.fail(n, `write steps["name"].outputs["key"]`, "steps alone is no value")
	default:
		r.unknownName(n)
	}
}

func (r *resolver) unknownName(n *ast.IdentifierNode) {
	name := strings.TrimLeft(n.Value, "$")
	suggestion := "text is written in quotes: '" + name + "'"
	known := append(append([]string{"env", "steps"}, texts...), functions...)
	if name != n.Value && variableName.MatchString(name) {
		suggestion = "write ${" + name + "}"
	} else if best := core.Nearest(name, known); best != "" && name != strings.ToUpper(name) {
		suggestion = "did you mean " + best + "?"
	} else if name == strings.ToUpper(name) && variableName.MatchString(name) {
		suggestion = "a variable of the environment is written ${" + name + "} or env." + name
	}
	r.fail(n, suggestion, "there is no value named %s", n.Value)
}

func (r *resolver) unknownFunction(at ast.Node, name string) {
	known := append(append([]string{}, functions...), builtins...)
	suggestion := "known: " + strings.Join(known, "(), ") + "()"
	if best := core.Nearest(name, known); best != "" {
		suggestion = "did you mean " + best + "()?"
	}
	r.fail(at, suggestion, "there is no function %s()", name)
}

func (r *resolver) resolveCall(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		r.fail(n, "", "this is not a function")
		return
	}
	if !slices.Contains(functions, callee.Value) {
		r.unknownFunction(n, callee.Value)
		return
	}
	if len(n.Arguments) > 0 {
		r.fail(n, "write "+callee.Value+"()", "%s() takes nothing", callee.Value)
		return
	}
	r.usesStatus = true
}

// resolveMember lets in env.NAME and steps.NAME.outputs.KEY, each also with the
// name in brackets. The latter becomes steps[NAME][KEY].
func (r *resolver) resolveMember(node *ast.Node, n *ast.MemberNode) {
	names, base := memberPath(n)
	switch {
	case n.Optional || base == nil || names == nil:
		r.fail(n, "write env.NAME or steps[\"name\"].outputs[\"key\"], the name as it is", "this cannot be looked up")
	case base.Value == "env" && len(names) == 1:
	case base.Value == "env":
		r.fail(base, "write env.NAME", "a variable has no parts")
	case base.Value == "steps" && len(names) == 3 && names[1] == "outputs":
		ast.Patch(node, &ast.MemberNode{Node: &ast.MemberNode{Node: &ast.IdentifierNode{Value: "steps"},
			Property: &ast.StringNode{Value: names[0]}}, Property: &ast.StringNode{Value: names[2]}})
	case base.Value == "steps":
		r.fail(base, `write steps["name"].outputs["key"]`, "of a step, only its outputs can be looked up")
	case slices.Contains(texts, base.Value):
		r.fail(base, "", "%s is a text and has no parts", base.Value)
	default:
		var name ast.Node = base
		r.resolve(&name)
		r.fail(n, "", "this cannot be looked up")
	}
}

// memberPath returns the names of a.b["c"] and its a; nil when it is not that.
func memberPath(n *ast.MemberNode) ([]string, *ast.IdentifierNode) {
	var names []string
	for {
		property, ok := n.Property.(*ast.StringNode)
		if !ok || n.Optional {
			return nil, nil
		}
		names = append(names, property.Value)
		switch next := n.Node.(type) {
		case *ast.MemberNode:
			n = next
		case *ast.IdentifierNode:
			slices.Reverse(names)
			return names, next
		default:
			return nil, nil
		}
	}
}
