package condition

import (
	"fmt"
	"regexp"
	"strings"
)

// references are the places, as runes from the start, of ${NAME} outside quotes.
type references map[int]string

// dereference makes the source readable for expr without moving anything: every
// ${NAME} outside quotes becomes an identifier of the same length, every ${{ }} a
// pair of parentheses. So each place in the result is the same place in the
// source. ${NAME} within quotes is left for resolve.
func dereference(source string) (string, references, *SyntaxError) {
	text, refs := []byte(source), references{}
	opened, runes := []int{}, 0
	for i := 0; i < len(source); i++ {
		if source[i]&0xC0 == 0x80 {
			continue // Within a rune.
		}
		rest, skip := source[i:], 1
		switch {
		case strings.HasPrefix(rest, "${{"):
			copy(text[i:], "  (")
			opened, skip = append(opened, i), 3
		case strings.HasPrefix(rest, "}}") && len(opened) > 0:
			copy(text[i:], ") ")
			opened, skip = opened[:len(opened)-1], 2
		case strings.HasPrefix(rest, "${"):
			name, problem := referenceAt(source, i)
			if problem != nil {
				return "", nil, problem
			}
			skip = len(name) + 3
			refs[runes] = name
			text[i], text[i+1], text[i+skip-1] = '_', '_', '_'
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			end := quotedEnd(rest)
			if end < 0 {
				return "", nil, &SyntaxError{Offset: i, Message: "this text has no closing quote", Suggestion: "end it with " + rest[:1]}
			}
			for j := i; j < i+end; j++ {
				if source[j]&0xC0 != 0x80 {
					runes++
				}
			}
			i += end - 1
			continue
		case strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*"):
			return "", nil, &SyntaxError{Offset: i, Message: "a condition has no comments", Suggestion: "put the comment behind a # in the file"}
		}
		i, runes = i+skip-1, runes+skip
	}
	if len(opened) > 0 {
		return "", nil, &SyntaxError{Offset: opened[0], Message: "${{ is never closed", Suggestion: "end it with }}"}
	}
	return string(text), refs, nil
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
	if plain, found := strings.CutPrefix(name, "env."); found && variableName.MatchString(plain) {
		problem.Suggestion = fmt.Sprintf("write ${%s} or env.%s", plain, plain)
	} else if strings.ContainsAny(name, ":-") {
		problem.Suggestion = "there are no defaults here: a variable that is not set is '', compare with that"
	}
	return "", problem
}
