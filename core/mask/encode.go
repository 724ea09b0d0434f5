package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"strings"
	"unicode/utf16"
)

// encodings are the ways in which programs show a value, the most important first.
var encodings = []func(value string) []string{plainForms, base64Forms, urlForms, quotedForms, shellForms, hexForms}

// base64Forms has both alphabets, with and without padding, on one line and on many,
// with and without the line end that echo adds, alone and within a longer text.
func base64Forms(value string) []string {
	var list []string
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for _, text := range []string{value, value + "\n"} {
			encoded := encoding.EncodeToString([]byte(text))
			list = append(list, encoded, strings.TrimRight(encoded, "="))
		}
		list = append(list, within(encoding.WithPadding(base64.NoPadding), value)...)
	}
	for _, text := range []string{value, value + "\n"} {
		encoded := base64.StdEncoding.EncodeToString([]byte(text))
		list = append(list, wrapped(encoded, 76)...) // base64, MIME
		list = append(list, wrapped(encoded, 64)...) // openssl, PEM
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

// wrapped returns the lines of a text that is broken at a width. What is left for the
// last may be too short to be told from other text, so it comes with the line before.
func wrapped(text string, width int) []string {
	if len(text) <= width {
		return nil
	}
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	before := lines[len(lines)-1]
	return append(lines, before+"\n"+text, before+"\r\n"+text, text)
}

// hexForms has both cases, on one line and as xxd breaks it.
func hexForms(value string) []string {
	lower := hex.EncodeToString([]byte(value))
	return append(wrapped(lower, 60), lower, strings.ToUpper(lower))
}

// The digits of what is escaped.
const (
	lowerDigits = "0123456789abcdef"
	upperDigits = "0123456789ABCDEF"
)

// urlForms has what the usual libraries leave as it is, with digits of both cases.
func urlForms(value string) []string {
	var list []string
	for _, kept := range []string{
		"-_.~",                 // RFC 3986, and forms, with + for a space
		"-_.~/",                // Python's quote
		"-_.~$&+=:@",           // a segment of a path, in Go
		"-_.~$&+,;=",           // a user or a password, in Go
		"-_.!~*'()",            // encodeURIComponent
		"-_.!~*'();,/?:@&=+$#", // encodeURI
	} {
		escaped := percent(value, kept, upperDigits)
		list = append(list, escaped, strings.ReplaceAll(escaped, "%20", "+"), percent(value, kept, lowerDigits))
	}
	return list
}

// percent escapes all bytes but letters, digits, and those that are kept.
func percent(value, kept, digits string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if isAlphanumeric(c) || strings.IndexByte(kept, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// quotedForms has the value as it is within the strings of JSON, HTML and XML: with
// what Go, JavaScript, Python and PHP escape.
func quotedForms(value string) []string {
	escaped := html.EscapeString(value)
	list := []string{escaped, strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(escaped)}
	if quoted, err := json.Marshal(value); err == nil {
		list = append(list, string(quoted[1:len(quoted)-1]))
	}
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err == nil {
		text := strings.TrimSuffix(plain.String(), "\n")
		text = text[1 : len(text)-1]
		list = append(list, text, strings.ReplaceAll(text, "/", `\/`), ascii(text))
	}
	return list
}

// ascii writes the characters of a string that are not ASCII as JSON's \uXXXX.
func ascii(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c < 0x80 {
			b.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(lowerDigits[unit>>shift&15])
			}
		}
	}
	return b.String()
}

// shellForms has the value within single quotes (both ways to have one in there),
// double quotes and $'…', and with backslashes, as printf %q shows it.
func shellForms(value string) []string {
	backslash := func(special string) string {
		var b strings.Builder
		for i, c := range []byte(value) {
			if strings.IndexByte(special, c) >= 0 || i == 0 && (c == '#' || c == '~') {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
		return b.String()
	}
	return []string{strings.ReplaceAll(value, "'", `'\''`), strings.ReplaceAll(value, "'", `'"'"'`),
		strings.ReplaceAll(value, `"`, `\"`), strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value),
		strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(value),
		backslash(" \\\"'$`!&|;<>()[]{}*?^,"), backslash(" \\\"'$`!&|;<>()[]{}*?^")}
}
