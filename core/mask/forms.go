package mask

import (
	"slices"
	"strings"
)

// Shorter texts would be found in what has nothing to do with the secret.
const (
	minValue = 4
	minLine  = 8 // of a value with several lines
	minPart  = 4 // of an encoded value, where its ends depend on what is around it
)

// common are words that nobody can keep secret: a log in which they are masked cannot
// be read.
var common = []string{"true", "false", "null", "none", "main", "master", "test", "tests", "dev", "development", "prod",
	"production", "staging", "stage", "admin", "root", "user", "guest", "default", "localhost", "debug", "info",
	"warn", "warning", "error", "enabled", "disabled", "latest", "stable", "http", "https", "password", "secret", "token"}

// maxPlainDigits: numbers of up to so many digits are ports, years and counts.
const maxPlainDigits = 5

// Maskable reports whether a value can be told from ordinary text. It has four bytes or
// more, and is neither a common word, nor a short number, nor a rule such as "-----".
func Maskable(value string) bool {
	value = strings.TrimSpace(value)
	switch {
	case len(value) < minValue, slices.Contains(common, strings.ToLower(value)):
		return false
	case len(value) <= maxPlainDigits && strings.Trim(value, "0123456789") == "":
		return false
	default:
		return strings.Trim(value, value[:1]) != "" || !strings.Contains("-=*_#~.+ /\\|", value[:1])
	}
}

// plainForms has the value, with and without the space around it, and its lines.
func plainForms(value string) []string {
	trimmed := strings.TrimSpace(value)
	return append(linesOf(trimmed), trimmed, value)
}

// linesOf returns what to find of a text with several lines when its lines are printed
// with other ends, indented, or one by one. The first and the last line of a PEM block
// are no secret.
func linesOf(text string) []string {
	lines := strings.FieldsFunc(text, func(c rune) bool { return c == '\n' || c == '\r' })
	if len(lines) < 2 {
		return nil
	}
	unix := strings.ReplaceAll(text, "\r\n", "\n")
	found := []string{unix, strings.ReplaceAll(unix, "\n", "\r\n")}
	for _, line := range lines {
		line = strings.TrimSpace(line)
		frame := strings.HasPrefix(line, "-----") && strings.HasSuffix(line, "-----")
		if len(line) >= minLine && Maskable(line) && !frame {
			found = append(found, line)
		}
	}
	return found
}
