package pipefile

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a file's structure. The YAML parser recurses for each level and takes
// time that grows faster than the number of its tokens and of the keys of a
// mapping, so all three are bounded before it begins.
const (
	maxTokens = 100_000
	maxKeys   = 4000
	maxDepth  = 64
)

// parseYAML returns the documents of a text; what is wrong is reported.
func parseYAML(r *reporter, text string) (documents []*ast.DocumentNode) {
	tokens, ok := scan(r, text)
	if !ok {
		return nil
	}
	defer func() {
		// The parser is not ours; a fault of it must not stop a server.
		if fault := recover(); fault != nil {
			documents = nil
			r.error(position{}, "the file cannot be read as YAML", "look for unusual punctuation; quote texts that have it")
		}
	}()
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		reportSyntax(r, err)
		return nil
	}
	return file.Docs
}

// scan makes tokens of a text, and stops at the first that is wrong or too many.
func scan(r *reporter, text string) (tokens token.Tokens, ok bool) {
	defer func() {
		if fault := recover(); fault != nil {
			tokens, ok = nil, false
			r.error(position{}, "the file cannot be read as YAML", "look for unusual punctuation; quote texts that have it")
		}
	}()
	var s scanner.Scanner
	s.Init(text)
	var n nesting
	count := 0
	for {
		some, err := s.Scan()
		if errors.Is(err, io.EOF) {
			return tokens, true
		}
		for _, t := range some {
			if t.Type == token.InvalidType {
				r.syntax(t.Position, t.Error)
				return nil, false
			}
			tokens.Add(t)
			if t.Type != token.CommentType {
				count++
			}
			if problem := n.add(t); problem != "" {
				r.error(tokenPosition(t), problem, "divide the pipeline into several")
				return nil, false
			}
		}
		if err != nil {
			r.syntax(&token.Position{Line: len(r.starts)}, err.Error())
			return nil, false
		}
		if count > maxTokens {
			r.error(tokenPosition(tokens[len(tokens)-1]), fmt.Sprintf("the file has more than %d words and signs", maxTokens), "divide the pipeline into several")
			return nil, false
		}
	}
}

// nesting follows how deep tokens nest and how many keys a level has.
type nesting struct {
	flow   []int // number of commas and colons of each open bracket
	blocks []block
}

type block struct{ column, keys int }

// add returns what is too much, or "".
func (n *nesting) add(t *token.Token) string {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		n.flow = append(n.flow, 0)
	case token.SequenceEndType, token.MappingEndType:
		n.flow = n.flow[:max(0, len(n.flow)-1)]
	case token.DocumentHeaderType, token.DocumentEndType:
		n.flow, n.blocks = nil, nil
	case token.MappingValueType:
		if len(n.flow) > 0 {
			return n.addFlow()
		}
		key := t.Position.Column
		if t.Prev != nil && t.Prev.Position.Line == t.Position.Line {
			key = t.Prev.Position.Column
		}
		return n.addBlock(key, true)
	case token.SequenceEntryType, token.MappingKeyType:
		if len(n.flow) == 0 {
			return n.addBlock(t.Position.Column, t.Type == token.MappingKeyType)
		}
	case token.CollectEntryType:
		if len(n.flow) > 0 {
			return n.addFlow()
		}
	}
	return n.tooDeep()
}

func (n *nesting) tooDeep() string {
	if len(n.flow)+len(n.blocks) > maxDepth {
		return fmt.Sprintf("this is nested more than %d levels deep", maxDepth)
	}
	return ""
}

func (n *nesting) addFlow() string {
	n.flow[len(n.flow)-1]++
	if n.flow[len(n.flow)-1] > 2*maxKeys {
		return fmt.Sprintf("this has more than %d keys", maxKeys)
	}
	return n.tooDeep()
}

func (n *nesting) addBlock(column int, isKey bool) string {
	for len(n.blocks) > 0 && n.blocks[len(n.blocks)-1].column > column {
		n.blocks = n.blocks[:len(n.blocks)-1]
	}
	if len(n.blocks) == 0 || n.blocks[len(n.blocks)-1].column < column {
		n.blocks = append(n.blocks, block{column: column})
	}
	if top := &n.blocks[len(n.blocks)-1]; isKey {
		if top.keys++; top.keys > maxKeys {
			return fmt.Sprintf("this has more than %d keys", maxKeys)
		}
	}
	return n.tooDeep()
}

func tokenPosition(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

func reportSyntax(r *reporter, err error) {
	var e yaml.Error
	if !errors.As(err, &e) {
		r.error(position{}, "the file is not YAML: "+err.Error(), "")
		return
	}
	var at *token.Position
	if t := e.GetToken(); t != nil {
		at = t.Position
	}
	r.syntax(at, e.GetMessage())
}

var inPlace = regexp.MustCompile(` ?at \[\d+:\d+\]`)

// syntax reports an error of the scanner or parser, with what is behind it most of
// the time.
func (r *reporter) syntax(at *token.Position, message string) {
	place := position{}
	if at != nil {
		place = position{at.Line, at.Column}
	}
	if line, column, found := r.indentTab(place.line); found {
		r.error(position{line, column}, "a tab cannot indent in YAML", "use spaces")
		return
	}
	suggestion := "check the indentation, and quote texts that contain : # [ ] { } or begin with a sign"
	switch {
	case strings.Contains(message, "mapping value is not allowed"), strings.Contains(message, "unexpected key name"):
		suggestion = `quote a text that contains ": ", and check the indentation of the next line`
	case strings.Contains(message, "quote"), strings.Contains(message, "quoted"):
		suggestion = "close the quotes"
	}
	r.error(place, "the file is not YAML here: "+inPlace.ReplaceAllString(message, ""), suggestion)
}

// indentTab looks for a tab in the indentation of a line or the one before it.
func (r *reporter) indentTab(line int) (int, int, bool) {
	for _, n := range []int{line, line - 1} {
		text := r.line(n)
		indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 && len(indent) < len(text) {
			return n, tab + 1, true
		}
	}
	return 0, 0, false
}
