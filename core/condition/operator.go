package condition

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// compareBool makes params.x == true ask for the truth of the text.
func (r *resolver) compareBool(n *ast.BinaryNode) {
	if isBool(n.Left) && isLookup(n.Right) {
		patchCall(&n.Right, "__truth", n.Right)
	} else if isBool(n.Right) && isLookup(n.Left) {
		patchCall(&n.Left, "__truth", n.Left)
	}
}

// compareNumber makes params.x > 3 compare numbers. Where values are ordered, what
// looks like a number and would be compared as text is refused.
func (r *resolver) compareNumber(n *ast.BinaryNode, ordered bool) {
	left, right := isLookup(n.Left), isLookup(n.Right)
	switch {
	case left && isNumber(n.Right):
		r.wantNumber(&n.Left, ordered)
	case right && isNumber(n.Left):
		r.wantNumber(&n.Right, ordered)
	case !ordered:
	case left && right:
		r.fail(n, "make a number of one of them: float(…)", "these are two texts, and as text 10 comes before 9")
	case left && isQuotedNumber(n.Right) || right && isQuotedNumber(n.Left):
		r.fail(n, "write the number without quotes", "these are two texts, and as text 10 comes before 9")
	}
}

// compareList makes params.x in [1, 2] compare numbers, when there is nothing else
// in the list.
func (r *resolver) compareList(n *ast.BinaryNode) {
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok || !isLookup(n.Left) || len(list.Nodes) == 0 {
		return
	}
	if !slices.ContainsFunc(list.Nodes, func(item ast.Node) bool { return !isNumber(item) }) {
		r.wantNumber(&n.Left, false)
	}
}

// wantNumber reads a looked-up text as a number. One that is none is an error where
// numbers are ordered, and else equals nothing.
func (r *resolver) wantNumber(node *ast.Node, ordered bool) {
	if !ordered {
		patchCall(node, "__maybe", *node)
		return
	}
	patchCall(node, "__number", *node, &ast.StringNode{Value: lookupName(*node)})
}

// lookupName writes a resolved lookup for people.
func lookupName(node ast.Node) string {
	member, ok := node.(*ast.MemberNode)
	if !ok {
		return "a value"
	}
	property, _ := member.Property.(*ast.StringNode)
	switch base := member.Node.(type) {
	case *ast.IdentifierNode:
		return base.Value + "." + property.Value
	case *ast.MemberNode:
		if step, ok := base.Property.(*ast.StringNode); ok {
			return "the output " + property.Value + " of step " + step.Value
		}
	}
	return "a value"
}

// joinTexts makes one bounded call of a + b + c when all are texts. The rest is
// left to the checker: numbers are added, and all else is refused.
func (r *resolver) joinTexts(node *ast.Node, n *ast.BinaryNode) {
	if !isText(n.Left) || !isText(n.Right) {
		return
	}
	parts := []ast.Node{n.Left}
	if call, ok := n.Left.(*ast.CallNode); ok && callee(call) == "__join" {
		parts = call.Arguments
	}
	patchCall(node, "__join", append(parts[:len(parts):len(parts)], n.Right)...)
}

// isText reports whether a resolved node always gives text.
func isText(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.StringNode, *ast.MemberNode:
		return true
	case *ast.IdentifierNode:
		return slices.Contains(texts, n.Value)
	case *ast.CallNode:
		return callee(n) == "__join" || callee(n) == "hash"
	case *ast.BuiltinNode:
		return n.Name == "lower" || n.Name == "upper" || n.Name == "trim"
	case *ast.ConditionalNode:
		return isText(n.Exp1) && isText(n.Exp2)
	default:
		return false
	}
}

func callee(call *ast.CallNode) string {
	if name, ok := call.Callee.(*ast.IdentifierNode); ok {
		return name.Value
	}
	return ""
}

func isBool(node ast.Node) bool {
	_, is := node.(*ast.BoolNode)
	return is
}

// isNumber reports whether a resolved node always gives a number.
func isNumber(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return true
	case *ast.UnaryNode:
		return (n.Operator == "-" || n.Operator == "+") && isNumber(n.Node)
	case *ast.BinaryNode:
		return n.Operator == "+" && isNumber(n.Left) && isNumber(n.Right)
	case *ast.BuiltinNode:
		return n.Name == "int" || n.Name == "float" || n.Name == "len"
	default:
		return false
	}
}

func isQuotedNumber(node ast.Node) bool {
	text, ok := node.(*ast.StringNode)
	if !ok {
		return false
	}
	_, is := parseNumber(text.Value)
	return is
}
