package condition

import (
	"fmt"
	"regexp"
	"strings"
)

// words are what dereference took out of a source, by their places as runes from
// the start.
type words struct {
	variables map[int]string // NAME of ${NAME} outside quotes
	names     map[int]string // names with a -, as in params.dry-run
}

// dereference makes the source readable for expr without moving anything: every
// ${NAME} outside quotes becomes an identifier of the same length, as does a name
// with a - after a dot, and every ${{ }} a pair of parentheses. So each place in
// the result is the same place in the source. ${NAME} within quotes is left for
// resolve.
func dereference(source string) (string, words, *SyntaxError) {
	d := dereferencer{source: source, text: []byte(source), words: words{map[int]string{}, map[int]string{}}}
	for d.at < len(source) {
		if problem := d.next(); problem != nil {
			return "", words{}, problem
		}
	}
	if len(d.opened) > 0 {
		return "", words{}, &SyntaxError{Offset: d.opened[0], Message: "${{ is never closed", Suggestion: "end it with }}"}
	}
	return string(d.text), d.words, nil
}

type dereferencer struct {
	words
	source    string
	text      []byte
	at, runes int
	opened    []int
}

// skip goes over n bytes.
func (d *dereferencer) skip(n int) {
	for end := d.at + n; d.at < end; d.at++ {
		if d.source[d.at]&0xC0 != 0x80 {
			d.runes++
		}
	}
}

// next takes one thing.
func (d *dereferencer) next() *SyntaxError {
	rest := d.source[d.at:]
	switch {
	case strings.HasPrefix(rest, "${{"):
		copy(d.text[d.at:], "  (")
		d.opened = append(d.opened, d.at)
		d.skip(3)
	case strings.HasPrefix(rest, "}}") && len(d.opened) > 0:
		copy(d.text[d.at:], ") ")
		d.opened = d.opened[:len(d.opened)-1]
		d.skip(2)
	case strings.HasPrefix(rest, "${"):
		name, problem := referenceAt(d.source, d.at)
		if problem != nil {
			return problem
		}
		end := d.at + len(name) + 2
		d.variables[d.runes] = name
		d.text[d.at], d.text[d.at+1], d.text[end] = '_', '_', '_'
		d.skip(len(name) + 3)
	case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
		end := quotedEnd(rest)
		if end < 0 {
			return &SyntaxError{Offset: d.at, Message: "this text has no closing quote", Suggestion: "end it with " + rest[:1]}
		}
		d.skip(end)
	case strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*"):
		return &SyntaxError{Offset: d.at, Message: "an expression has no comments", Suggestion: "put the comment behind a # in the file"}
	case rest[0] == '.':
		d.member(rest)
	default:
		d.skip(1)
	}
	return nil
}

var dashedName = regexp.MustCompile(`^\.[A-Za-z_][A-Za-z0-9_]*(-+[A-Za-z0-9_]+)+`)

// member takes a dot and, when it has a -, the name after it. There is no
// subtraction, so that means nothing else.
func (d *dereferencer) member(rest string) {
	found := dashedName.FindString(rest)
	if found == "" {
		d.skip(1)
		return
	}
	d.names[d.runes+1] = found[1:]
	copy(d.text[d.at:], strings.ReplaceAll(found, "-", "_"))
	d.skip(len(found))
}

// quotedEnd returns the length of the quoted text that s begins with, or -1.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] != '`':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return -1
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// referenceAt returns NAME of the ${NAME} at i.
func referenceAt(source string, i int) (string, *SyntaxError) {
	rest := source[i+2:]
	end := strings.IndexByte(rest, '}')
	if end < 0 {
		return "", &SyntaxError{Offset: i, Message: "${ is never closed", Suggestion: "write ${NAME}"}
	}
	name := rest[:end]
	if variableName.MatchString(name) {
		return name, nil
	}
	problem := &SyntaxError{Offset: i, Message: fmt.Sprintf("${%.40s} is not a variable", name),
		Suggestion: "a name has letters, digits and _: ${NAME}"}
	if kind, plain, found := strings.Cut(name, "."); found && kind == "env" && variableName.MatchString(plain) {
		problem.Suggestion = fmt.Sprintf("write ${%s} or env.%s", plain, plain)
	} else if found && (kind == "params" || kind == "matrix" || kind == "steps" || kind == "secrets") {
		problem.Suggestion = fmt.Sprintf("write %.40s, without ${ }", name)
	} else if strings.ContainsAny(name, ":-") {
		problem.Suggestion = "there are no defaults here: a variable that is not set is '', compare with that"
	}
	return "", problem
}
