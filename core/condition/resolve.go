package condition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// resolver goes over a parsed expression: it lets in only what a condition may
// use, and puts references in their places. The first problem stays.
type resolver struct {
	text       string
	references references
	usesStatus bool
	problem    *SyntaxError
}

func (r *resolver) fail(at ast.Node, suggestion, format string, args ...any) {
	if r.problem == nil {
		r.problem = &SyntaxError{Offset: byteOffset(r.text, at.Location().From),
			Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	}
}

// resolve checks and rewrites the expression at node. The depth of recursion is
// bounded by the length of a condition.
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
		r.resolveBinary(n)
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
		r.problem = &SyntaxError{Message: "the condition is not complete"}
	default:
		r.fail(n, "compare values with ==, !=, <, >, in, contains, startsWith, matches; join with && and ||",
			"a condition cannot do this")
	}
}

var binaryOperators = []string{"==", "!=", "<", "<=", ">", ">=", "&&", "and", "||", "or",
	"in", "contains", "startsWith", "endsWith", "matches"}

func (r *resolver) resolveBinary(n *ast.BinaryNode) {
	if !slices.Contains(binaryOperators, n.Operator) {
		suggestion := "known: " + strings.Join(binaryOperators, " ")
		if n.Operator == "+" {
			suggestion = "join texts as in '${NAME}-${TAG}'"
		}
		r.fail(n, suggestion, "a condition has no operator %s", n.Operator)
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
	switch n.Operator {
	case "&&", "and", "||", "or":
		r.wantBool(&n.Left)
		r.wantBool(&n.Right)
	case "==", "!=":
		// ${FLAG} == true: the text of the variable is meant.
		if _, isBool := n.Left.(*ast.BoolNode); isBool {
			r.wantVariable(&n.Right)
		} else if _, isBool := n.Right.(*ast.BoolNode); isBool {
			r.wantVariable(&n.Left)
		}
	}
}

// wantBool marks a place where true or false is wanted: a bare variable there
// counts as true when it is "true" or "1".
func (r *resolver) wantBool(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.ConditionalNode:
		r.wantBool(&n.Exp1)
		r.wantBool(&n.Exp2)
	default:
		r.wantVariable(node)
	}
}

func (r *resolver) wantVariable(node *ast.Node) {
	member, ok := (*node).(*ast.MemberNode)
	if !ok {
		return
	}
	if base, ok := member.Node.(*ast.IdentifierNode); ok && base.Value == "env" {
		ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: "__truth"}, Arguments: []ast.Node{member}})
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
		parts = append(parts, envReference(name))
		rest = after[len(name)+1:]
	}
	if len(parts) == 1 {
		// Quoted, so it is a text and not true or false.
		parts = append(parts, &ast.StringNode{})
	}
	ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: "__join"}, Arguments: parts})
}

func envReference(name string) ast.Node {
	return &ast.MemberNode{Node: &ast.IdentifierNode{Value: "env"}, Property: &ast.StringNode{Value: name}}
}
