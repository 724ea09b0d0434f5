package mask

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Shorter texts would be found in what has nothing to do with the secret.
const (
	minValue = 4
	minLine  = 8 // of a value with several lines
	minPart  = 6 // of an encoded value, where its ends depend on what is around it
)

// common are words that nobody can keep secret: a log in which they are masked cannot
// be read.
var common = []string{"true", "false", "null", "none", "main", "master", "test", "tests", "dev", "development", "prod",
	"production", "staging", "stage", "admin", "root", "user", "guest", "default", "localhost", "debug", "info",
	"warn", "warning", "error", "enabled", "disabled", "latest", "stable", "http", "https", "password", "secret", "token"}

// maxPlainDigits: numbers of up to so many digits are ports, years and counts.
const maxPlainDigits = 5

// Maskable reports whether a value can be told from ordinary text: it has four bytes
// or more, and is neither a common word nor a short number.
func Maskable(value string) bool {
	value = strings.TrimSpace(value)
	if len(value) < minValue || slices.Contains(common, strings.ToLower(value)) {
		return false
	}
	return len(value) > maxPlainDigits || strings.Trim(value, "0123456789") != ""
}

// forms returns what is to be found of all values: the values and their lines first,
// then their encodings, none twice.
func forms(values []string) []string {
	var plain, encoded []string
	for _, value := range values {
		if !Maskable(value) {
			continue
		}
		trimmed := strings.TrimSpace(value)
		plain = append(plain, value, trimmed)
		lines := strings.FieldsFunc(trimmed, func(c rune) bool { return c == '\n' || c == '\r' })
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(lines) > 1 && len(line) >= minLine {
				plain = append(plain, line)
			}
		}
		// What is encoded with its last line's end begins like what is without.
		encoded = append(encoded, encodings(trimmed)...)
		encoded = append(encoded, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	all := plain
	for _, form := range encoded {
		if len(form) >= minValue {
			all = append(all, form)
		}
	}
	seen := make(map[string]bool, len(all))
	return slices.DeleteFunc(all, func(form string) bool {
		twice := seen[form]
		seen[form] = true
		return twice
	})
}

func encodings(value string) []string {
	upper := strings.ToUpper(hex.EncodeToString([]byte(value)))
	list := []string{hex.EncodeToString([]byte(value)), upper,
		url.QueryEscape(value), url.PathEscape(value), lowerPercent(url.QueryEscape(value)), lowerPercent(url.PathEscape(value)),
		strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
		strings.ReplaceAll(value, "'", `'\''`), strings.ReplaceAll(value, `"`, `\"`)}
	if quoted, err := json.Marshal(value); err == nil {
		list = append(list, string(quoted[1:len(quoted)-1]))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		list = append(list, encoding.EncodeToString([]byte(value)))
		list = append(list, within(encoding.WithPadding(base64.NoPadding), value)...)
	}
	return list
}

// within returns the parts of an encoded text that do not depend on what comes before
// and after the value: base64 takes three bytes at a time, so there are three.
func within(encoding *base64.Encoding, value string) []string {
	var parts []string
	for before := range 3 {
		encoded := encoding.EncodeToString(append(make([]byte, before), value...))
		// A character has six bits: of so many the bytes before have a share, and
		// the last one may share with the byte after.
		from := (before*8 + 5) / 6
		to := (before + len(value)) * 8 / 6
		if to-from >= minPart {
			parts = append(parts, encoded[from:to])
		}
	}
	return parts
}

// lowerPercent writes %2F as %2f: both are in use.
func lowerPercent(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}
