package condition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// resolver goes over a parsed expression: it lets in only what an expression may
// use at its place, and puts references in theirs. The first problem stays.
type resolver struct {
	words
	text       string
	place      place
	found      []Reference
	usesStatus bool
	problem    *SyntaxError
}

func (r *resolver) fail(at ast.Node, suggestion, format string, args ...any) {
	if r.problem == nil {
		r.problem = &SyntaxError{Offset: byteOffset(r.text, at.Location().From),
			Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	}
}

// refer notes a reference.
func (r *resolver) refer(at ast.Node, kind, name, output string) {
	r.found = append(r.found, Reference{Kind: kind, Name: name, Output: output, Offset: byteOffset(r.text, at.Location().From)})
}

// resolve checks and rewrites the expression at node. The depth of recursion is
// bounded by the length of an expression.
func (r *resolver) resolve(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
	case *ast.StringNode:
		r.resolveText(node, n)
	case *ast.IdentifierNode:
		r.resolveName(node, n)
	case *ast.MemberNode:
		r.resolveMember(node, n)
	case *ast.ArrayNode:
		for i := range n.Nodes {
			r.resolve(&n.Nodes[i])
		}
	case *ast.UnaryNode:
		r.resolve(&n.Node)
		if n.Operator == "!" || n.Operator == "not" {
			r.wantBool(&n.Node)
		}
	case *ast.BinaryNode:
		r.resolveBinary(node, n)
	case *ast.ConditionalNode:
		r.resolve(&n.Cond)
		r.wantBool(&n.Cond)
		r.resolve(&n.Exp1)
		r.resolve(&n.Exp2)
	case *ast.CallNode:
		r.resolveCall(n)
	case *ast.BuiltinNode:
		if !slices.Contains(builtins, n.Name) {
			r.unknownFunction(n, n.Name)
			return
		}
		for i := range n.Arguments {
			r.resolve(&n.Arguments[i])
		}
	case nil:
		r.problem = &SyntaxError{Message: "the expression is not complete"}
	default:
		r.fail(n, "compare values with ==, !=, <, >, in, contains, startsWith, matches; join with && and ||",
			"an expression cannot do this")
	}
}

var binaryOperators = []string{"==", "!=", "<", "<=", ">", ">=", "&&", "and", "||", "or", "+",
	"in", "contains", "startsWith", "endsWith", "matches"}

func (r *resolver) resolveBinary(node *ast.Node, n *ast.BinaryNode) {
	if !slices.Contains(binaryOperators, n.Operator) {
		r.fail(n, "known: "+strings.Join(binaryOperators, " "), "an expression has no operator %s", n.Operator)
		return
	}
	if _, plain := n.Right.(*ast.StringNode); n.Operator == "matches" {
		if !plain || strings.Contains(n.Right.(*ast.StringNode).Value, "${") {
			r.fail(n.Right, "write it in quotes, without ${ }", "the pattern of matches must be known before the run")
			return
		}
		r.resolve(&n.Left)
		return
	}
	r.resolve(&n.Left)
	r.resolve(&n.Right)
	if r.problem != nil {
		return
	}
	switch n.Operator {
	case "&&", "and", "||", "or":
		r.wantBool(&n.Left)
		r.wantBool(&n.Right)
	case "==", "!=":
		r.compareBool(n)
		r.compareNumber(n, false)
	case "<", "<=", ">", ">=":
		r.compareNumber(n, true)
	case "in":
		r.compareList(n)
	case "+":
		r.joinTexts(node, n)
	}
}

// wantBool marks a place where true or false is wanted: a text that is looked up
// there counts as true when it is "true" or "1".
func (r *resolver) wantBool(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.ConditionalNode:
		r.wantBool(&n.Exp1)
		r.wantBool(&n.Exp2)
	default:
		if isLookup(*node) {
			patchCall(node, "__truth", *node)
		}
	}
}

// resolveText makes "a${B}c" the joined text of its parts.
func (r *resolver) resolveText(node *ast.Node, n *ast.StringNode) {
	if !strings.Contains(n.Value, "${") {
		return
	}
	var parts []ast.Node
	rest := n.Value
	for {
		before, after, found := strings.Cut(rest, "${")
		if before != "" {
			parts = append(parts, &ast.StringNode{Value: before})
		}
		if !found {
			break
		}
		if strings.HasPrefix(after, "{") {
			r.fail(n, "write it without the quotes around it", "${{ }} cannot stand within quotes")
			return
		}
		name, problem := referenceAt("${"+after, 0)
		if problem != nil {
			r.fail(n, problem.Suggestion, "%s", problem.Message)
			return
		}
		r.refer(n, "env", name, "")
		parts = append(parts, lookup("env", name))
		rest = after[len(name)+1:]
	}
	if len(parts) == 1 {
		// Quoted, so it is a text and not true or false.
		parts = append(parts, &ast.StringNode{})
	}
	patchCall(node, "__join", parts...)
}

// patchCall puts a call of a function of scope in the place of node.
func patchCall(node *ast.Node, function string, arguments ...ast.Node) {
	ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: function}, Arguments: arguments})
}

func lookup(base, name string) ast.Node {
	return &ast.MemberNode{Node: &ast.IdentifierNode{Value: base}, Property: &ast.StringNode{Value: name}}
}

// isLookup reports whether a resolved node is a text that is looked up.
func isLookup(node ast.Node) bool {
	_, is := node.(*ast.MemberNode)
	return is
}
