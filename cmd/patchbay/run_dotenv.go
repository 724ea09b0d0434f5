package main

import (
	"errors"
	"fmt"
	"strings"
)

// parseSecrets reads NAME=value lines as people keep them in .env files: comments
// with #, an optional "export", values in single quotes as they are, in double quotes
// with escapes; both may have several lines. Nothing is expanded: a secret may have
// a $. An error names the line, and never has a value in it.
func parseSecrets(file, text string) (localSecrets, error) {
	values := localSecrets{}
	rest := strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")
	for line := 1; rest != ""; {
		begun := line
		name, value, remaining, err := nextSecret(rest)
		line += strings.Count(rest[:len(rest)-len(remaining)], "\n")
		if err == nil && name != "" {
			err = checkSecret(name, value)
			if _, twice := values[name]; twice && err == nil {
				err = fmt.Errorf("%s is there twice", name)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, begun, err)
		}
		if name != "" {
			values[name] = value
		}
		rest = remaining
	}
	return values, nil
}

// nextSecret reads one entry; the name is "" for an empty line or a comment.
func nextSecret(text string) (name, value, rest string, err error) {
	line, rest, _ := strings.Cut(text, "\n")
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", "", rest, nil
	}
	name, raw, found := strings.Cut(line, "=")
	name = strings.TrimSpace(name)
	if exported, yes := strings.CutPrefix(name, "export "); yes {
		name = strings.TrimSpace(exported)
	}
	switch {
	case !found:
		return "", "", rest, errors.New("the line is not of the form NAME=value")
	case !secretName.MatchString(name):
		return "", "", rest, errors.New("what is before the = is no name: use letters, digits and underscores, no digit first")
	}
	raw = strings.TrimSpace(raw)
	if raw == "" || (raw[0] != '"' && raw[0] != '\'') {
		if comment := strings.Index(raw, " #"); comment >= 0 {
			raw = strings.TrimSpace(raw[:comment])
		}
		return name, raw, rest, nil
	}
	_, quoted, _ := strings.Cut(text, "=")
	value, rest, err = unquoteSecret(strings.TrimLeft(quoted, " \t"))
	return name, value, rest, err
}

// unquoteSecret reads a value that begins with its quote, and the rest of its last
// line, on which only a comment may follow.
func unquoteSecret(text string) (value, rest string, err error) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			after, rest, _ := strings.Cut(text[i+1:], "\n")
			if after = strings.TrimSpace(after); after != "" && after[0] != '#' {
				return "", rest, errors.New("something follows the closing quote")
			}
			return b.String(), rest, nil
		case c == '\\' && quote == '"' && i+1 < len(text):
			i++
			b.WriteString(unescape(text[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("the value's quote is never closed")
}

// unescape is what a backslash and a character stand for in double quotes.
func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '"', '\\', '$', '`', '\'':
		return string(c)
	case '\n': // the line goes on
		return ""
	default:
		return `\` + string([]byte{c})
	}
}
