package detect

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/goccy/go-yaml"
)

var errTooLarge = errors.New("it is too large to be read")

// bytes reads a file. It opens nothing that would let it wait, a pipe for one, though
// names may change their meaning between listing and reading.
func (t *tree) bytes(name string) ([]byte, error) {
	file, err := t.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > t.limits.FileBytes:
		return nil, fmt.Errorf("%w: %d bytes, of %d at most", errTooLarge, info.Size(), t.limits.FileBytes)
	case t.read+info.Size() > t.limits.TotalBytes:
		return nil, fmt.Errorf("%w: %d bytes have been read altogether, and that is enough", errTooLarge, t.read)
	}
	content, err := io.ReadAll(io.LimitReader(file, t.limits.FileBytes))
	t.read += int64(len(content))
	return content, err
}

// text reads a text of a folder, once; "" with a warning if it is none or cannot be
// read.
func (t *tree) text(f *folder, name string) string {
	if !f.has(name) {
		return ""
	}
	if text, ok := t.texts[f.at(name)]; ok {
		return text
	}
	t.texts[f.at(name)] = ""
	content, err := t.bytes(f.at(name))
	if err == nil && (!utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0) {
		err = errors.New("it is not a text in UTF-8")
	}
	if err != nil {
		t.warn(f.at(name), "not read: %v", cause(err))
		return ""
	}
	text := strings.TrimPrefix(string(content), "\ufeff")
	t.texts[f.at(name)] = text
	return text
}

// parse reads a file of a folder with one of the parsers below. It reports whether
// the file is whole; what could be read of another is in v all the same.
func (t *tree) parse(f *folder, name string, parser func(string, any) error, v any) bool {
	text := t.text(f, name)
	if text == "" {
		return false
	}
	if err := parser(text, v); err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		t.warn(f.at(name), "not understood: %s", message)
		return false
	}
	return true
}

func parseJSON(text string, v any) error {
	return json.Unmarshal([]byte(text), v)
}

func parseTOML(text string, v any) error {
	if err := notTooDeep(text); err != nil {
		return err
	}
	_, err := toml.Decode(text, v)
	return err
}

func parseYAML(text string, v any) error {
	if err := notTooDeep(text); err != nil {
		return err
	}
	return yaml.Unmarshal([]byte(text), v)
}

// parseXML knows no entities but XML's own five, and asks for no other file. Other
// encodings than UTF-8 were refused before: what a text says of itself does not matter.
func parseXML(text string, v any) error {
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	return decoder.Decode(v)
}

// maxNesting is more than any manifest has. The parsers of TOML and YAML recurse, and
// have no limit of their own.
const maxNesting = 1000

// notTooDeep counts brackets without regard to quotes: an honest file is far away from
// the limit either way.
func notTooDeep(text string) error {
	depth := 0
	for _, c := range []byte(text) {
		switch c {
		case '[', '{':
			if depth++; depth > maxNesting {
				return errors.New("it is nested too deeply")
			}
		case ']', '}':
			depth = max(0, depth-1)
		}
	}
	return nil
}
