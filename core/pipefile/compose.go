package pipefile

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// maxWeight bounds a document when every alias is written out, in values and
// blocks of text of weightOfText bytes: a bomb is refused where it is lit.
const (
	maxWeight    = 500_000
	weightOfText = 128
)

// compose reads the documents of a text. Empty ones between others are left out.
func compose(r *reporter, text string) []*value {
	var documents []*value
	for _, document := range parseYAML(r, text) {
		if document.Body == nil {
			continue
		}
		c := &composer{reporter: r, anchors: map[string]*value{}}
		v := c.compose(document.Body, position{1, 1})
		if c.failed {
			continue
		}
		if v.kind == kindNull && v.text == "" {
			continue
		}
		documents = append(documents, v)
	}
	return documents
}

// composer turns the syntax tree of one document into values.
type composer struct {
	*reporter
	anchors map[string]*value
	depth   int
	merged  int
	failed  bool
}

func (c *composer) fail(at position, message, suggestion string) *value {
	c.failed = true
	c.error(at, message, suggestion)
	return &value{at: at, weight: 1}
}

// compose returns the value of a node; around is a place near it.
func (c *composer) compose(node ast.Node, around position) *value {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > 4*maxDepth {
		return c.fail(around, "this is nested too deep", "divide the pipeline into several")
	}
	switch n := node.(type) {
	case nil:
		return &value{at: around, weight: 1}
	case *ast.MappingNode:
		return c.mapping(n.Values, around)
	case *ast.MappingValueNode:
		return c.mapping([]*ast.MappingValueNode{n}, around)
	case *ast.SequenceNode:
		v := &value{kind: kindList, at: placeOf(n, around), weight: 1}
		for i, item := range n.Values {
			near := v.at
			if i < len(n.Entries) && n.Entries[i] != nil {
				near = placeOf(n.Entries[i], near) // The dash.
			}
			child := c.compose(item, near)
			v.list = append(v.list, child)
			v.weight += child.weight
		}
		return c.weigh(v)
	case *ast.AnchorNode:
		v := c.compose(n.Value, placeOf(n, around))
		if n.Name != nil {
			c.anchors[n.Name.GetToken().Value] = v
		}
		return v
	case *ast.AliasNode:
		return c.alias(n, around)
	case *ast.TagNode:
		return c.tagged(n, around)
	case *ast.MappingKeyNode:
		return c.compose(n.Value, placeOf(n, around))
	case *ast.LiteralNode:
		v := &value{kind: kindString, at: placeOf(n, around), text: n.Value.Value, quoting: literal}
		if strings.HasPrefix(n.Start.Value, ">") {
			v.quoting = folded
		}
		return c.weigh(v)
	default:
		return c.scalar(n, around)
	}
}

// weigh sets the weight of a scalar, and refuses what has become too heavy.
func (c *composer) weigh(v *value) *value {
	v.weight = max(v.weight, 1) + len(v.text)/weightOfText
	if v.weight > maxWeight && !c.failed {
		return c.fail(v.at, "the aliases in this make it too large", "write out what is needed, without aliases of aliases")
	}
	return v
}

func (c *composer) scalar(node ast.Node, around position) *value {
	t := node.GetToken()
	if t == nil {
		return c.fail(around, "this is not understood", "")
	}
	v := &value{at: c.pastBlanks(placeOf(node, around)), text: t.Value}
	switch n := node.(type) {
	case *ast.StringNode:
		v.kind, v.text = kindString, n.Value
		switch t.Type {
		case token.SingleQuoteType:
			v.quoting = singleQuoted
		case token.DoubleQuoteType:
			v.quoting = doubleQuoted
		default:
			v.kind = scalarKind(v.text)
		}
	case *ast.NullNode:
		if t.Type == token.ImplicitNullType || v.text == "" {
			// The parser makes these up, so their place is not always one.
			v.at, v.text = around, ""
		}
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.MergeKeyNode:
		v.kind = scalarKind(v.text)
	default:
		return c.fail(v.at, "this is not understood", "")
	}
	return c.weigh(v)
}

// pastBlanks moves a place from a blank to what follows it: after a tab the
// scanner is one off. Very long lines are left alone.
func (c *composer) pastBlanks(at position) position {
	const long = 500
	line := c.line(at.line)
	if at.column < 1 || len(line) > long || at.column > len(line) {
		return at
	}
	runes := []rune(line)
	for i := at.column - 1; i < len(runes); i++ {
		if runes[i] != ' ' && runes[i] != '\t' {
			return position{at.line, i + 1}
		}
	}
	return at
}

func (c *composer) alias(n *ast.AliasNode, around position) *value {
	at := placeOf(n, around)
	name := ""
	if n.Value != nil {
		name = n.Value.GetToken().Value
	}
	v, found := c.anchors[name]
	if !found {
		return c.fail(at, fmt.Sprintf("there is no anchor &%s before this", name), "define it earlier in the same document")
	}
	return v
}

// tagged handles the few tags of the core schema; others mean something only to
// the program that made them.
func (c *composer) tagged(n *ast.TagNode, around position) *value {
	at := placeOf(n, around)
	v := *c.compose(n.Value, at)
	want := map[string]kind{"!!str": kindString, "!!int": kindNumber, "!!float": kindNumber, "!!bool": kindBool,
		"!!null": kindNull, "!!map": kindMap, "!!seq": kindList}
	tag := n.Start.Value
	k, known := want[tag]
	switch {
	case c.failed:
	case !known:
		return c.fail(at, fmt.Sprintf("the tag %s is not supported", tag), "remove it")
	case k == kindString && v.kind < kindList:
		v.kind = kindString
	case v.kind == k:
	case v.kind == kindString && scalarKind(v.text) == k:
		v.kind = k
	default:
		return c.fail(at, fmt.Sprintf("this is %s, not what the tag %s says", v.describe(), tag), "remove the tag")
	}
	return &v
}

// placeOf returns where a node begins.
func placeOf(node ast.Node, around position) position {
	if n, ok := node.(*ast.MappingValueNode); ok && n.Key != nil {
		return placeOf(n.Key, around)
	}
	if at := tokenPosition(node.GetToken()); at.line > 0 {
		return at
	}
	return around
}
