package condition

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/patchbay-ci/patchbay/core"
)

func (r *resolver) resolveName(node *ast.Node, n *ast.IdentifierNode) {
	if name, found := r.variables[n.Location().From]; found {
		r.refer(n, "env", name, "")
		ast.Patch(node, lookup("env", name))
		return
	}
	switch {
	case slices.Contains(texts, n.Value):
	case slices.Contains(r.functions(), n.Value):
		r.fail(n, "write "+n.Value+"()", "%s is a function", n.Value)
	case slices.Contains(lookups, n.Value):
		r.fail(n, "write "+n.Value+".NAME", "%s alone is no value", n.Value)
	case n.Value == "steps":
		r.fail(n, `write steps["name"].outputs["key"]`, "steps alone is no value")
	default:
		r.unknownName(n)
	}
}

func (r *resolver) unknownName(n *ast.IdentifierNode) {
	name := strings.TrimLeft(n.Value, "$")
	suggestion := "text is written in quotes: '" + name + "'"
	known := slices.Concat([]string{"steps"}, lookups, texts, r.functions())
	if name != n.Value && variableName.MatchString(name) {
		suggestion = "write ${" + name + "}"
	} else if best := core.Nearest(name, known); best != "" && name != strings.ToUpper(name) {
		suggestion = "did you mean " + best + "?"
	} else if name == strings.ToUpper(name) && variableName.MatchString(name) {
		suggestion = "a variable of the environment is written ${" + name + "} or env." + name
	}
	r.fail(n, suggestion, "there is no value named %s", n.Value)
}

// functions are those of the place, without the builtins.
func (r *resolver) functions() []string {
	if r.place == inTemplate {
		return hashFunctions
	}
	return statuses
}

func (r *resolver) unknownFunction(at ast.Node, name string) {
	known := slices.Concat(r.functions(), builtins)
	suggestion := "known: " + strings.Join(known, "(), ") + "()"
	if best := core.Nearest(name, known); best != "" {
		suggestion = "did you mean " + best + "()?"
	}
	r.fail(at, suggestion, "there is no function %s()", name)
}

func (r *resolver) resolveCall(n *ast.CallNode) {
	name := callee(n)
	switch {
	case name == "":
		r.fail(n, "", "this is not a function")
	case slices.Contains(hashFunctions, name) && r.place == inTemplate:
		r.resolveHash(n, name)
	case slices.Contains(hashFunctions, name):
		r.fail(n, "give the hash as an output of a step, and compare that", "%s() cannot be used in conditions: they are decided before there are files", name)
	case slices.Contains(statuses, name) && r.place == inTemplate:
		r.fail(n, "give the step that needs it a condition", "%s() can only be used in conditions", name)
	case !slices.Contains(statuses, name):
		r.unknownFunction(n, name)
	case len(n.Arguments) > 0:
		r.fail(n, "write "+name+"()", "%s() takes nothing", name)
	default:
		r.usesStatus = true
	}
}

func (r *resolver) resolveHash(n *ast.CallNode, name string) {
	if len(n.Arguments) == 0 {
		r.fail(n, "write "+name+"('go.sum')", "%s() needs the files, as a pattern", name)
		return
	}
	r.refer(n, "hash", name, "")
	for i := range n.Arguments {
		r.resolve(&n.Arguments[i])
		if !isText(n.Arguments[i]) {
			r.fail(n, "write "+name+"('go.sum', '**/*.lock')", "%s() takes patterns, and they are texts", name)
		}
	}
	n.Callee.(*ast.IdentifierNode).Value = "hash"
}

// resolveMember lets in env.NAME and its like, and steps.NAME.outputs.KEY, each
// also with the name in brackets. The latter becomes steps[NAME][KEY].
func (r *resolver) resolveMember(node *ast.Node, n *ast.MemberNode) {
	names, base := r.memberPath(n)
	switch {
	case n.Optional || base == nil || names == nil:
		r.fail(n, "write env.NAME or steps[\"name\"].outputs[\"key\"], the name as it is", "this cannot be looked up")
	case base.Value == "secrets" && r.place == inCondition:
		r.fail(base, "let a step that names the secret decide, and give its answer as an output", "secrets cannot be used in conditions")
	case slices.Contains(lookups, base.Value) && len(names) == 1:
		r.refer(base, base.Value, names[0], "")
		ast.Patch(node, lookup(base.Value, names[0]))
	case slices.Contains(lookups, base.Value):
		r.fail(base, "write "+base.Value+".NAME", "%s.%s is a text and has no parts", base.Value, names[0])
	case base.Value == "steps" && len(names) == 3 && names[1] == "outputs":
		r.refer(base, "steps", names[0], names[2])
		ast.Patch(node, &ast.MemberNode{Node: lookup("steps", names[0]), Property: &ast.StringNode{Value: names[2]}})
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
func (r *resolver) memberPath(n *ast.MemberNode) ([]string, *ast.IdentifierNode) {
	var names []string
	for {
		property, ok := n.Property.(*ast.StringNode)
		if !ok || n.Optional {
			return nil, nil
		}
		name := property.Value
		if dashed, found := r.names[property.Location().From]; found {
			name = dashed
		}
		names = append(names, name)
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
