package pipefile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// open checks the bytes of a file and returns its text: UTF-8, without byte order
// mark, lines ending in \n.
func (r *reporter) open(source []byte) (string, bool) {
	if len(source) > MaxSize {
		r.error(position{}, fmt.Sprintf("the file has %d bytes, at most %d are read", len(source), MaxSize), "keep data in files of its own")
		return "", false
	}
	source = bytes.TrimPrefix(source, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(source, []byte("\xff\xfe")) || bytes.HasPrefix(source, []byte("\xfe\xff")) {
		r.error(position{}, "the file is UTF-16", "save it as UTF-8")
		return "", false
	}
	if at := bytes.IndexByte(source, 0); at >= 0 {
		r.error(position{}, fmt.Sprintf("this is no text file: byte %d is zero", at+1), "give a YAML file")
		return "", false
	}
	if !utf8.Valid(source) {
		line, column := 1, 1
		for len(source) > 0 {
			c, size := utf8.DecodeRune(source)
			if c == utf8.RuneError && size == 1 {
				break
			}
			if column++; c == '\n' {
				line, column = line+1, 1
			}
			source = source[size:]
		}
		r.error(position{line, column}, "the file is not UTF-8 here", "save it as UTF-8")
		return "", false
	}
	text := string(source)
	if strings.Contains(text, "\r") {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	r.setText(text)
	return text, true
}
