package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what a delivery may say. Longer texts are cut; of more paths it is as if
// they were not known.
const (
	maxLine      = 1024
	maxText      = 16 << 10
	maxVariables = 100
	maxPaths     = 10_000
	maxPathBytes = 1 << 20
	maxSenderID  = 200
	maxHeaders   = 100
	maxHeader    = 4096
)

var variableName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]{0,63}$`)

// line makes one line of plain text.
func line(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		s = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, s)
	}
	return cut(s, maxLine)
}

// text is what a variable can have.
func text(s string) string { return cut(strings.ReplaceAll(s, "\x00", ""), maxText) }

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// pathsFit reports whether changed paths can be given on.
func pathsFit(paths []string) bool {
	size := 0
	for _, path := range paths {
		size += len(path)
		if path == "" || strings.ContainsFunc(path, unicode.IsControl) {
			return false
		}
	}
	return len(paths) <= maxPaths && size <= maxPathBytes
}

// senderID bounds an ID; one that is too long stays unique.
func senderID(id string) string {
	if len(id) <= maxSenderID && !strings.ContainsFunc(id, unicode.IsControl) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256-" + hex.EncodeToString(sum[:])
}

// secretive are parts of the names of headers that nobody may read. A signature is one:
// with it, who may read could send the delivery again, under another ID.
var secretive = []string{"token", "secret", "password", "authorization", "cookie", "signature", "api-key", "apikey", "credential"}

// shown leaves headers out that are secret.
func shown(headers map[string]string) map[string]string {
	kept := map[string]string{}
next:
	for name, value := range headers {
		for _, part := range secretive {
			if strings.Contains(name, part) {
				continue next
			}
		}
		if len(kept) < maxHeaders {
			kept[cut(name, maxHeader)] = cut(value, maxHeader)
		}
	}
	return kept
}
