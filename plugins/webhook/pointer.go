package main

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk"
)

// fields looks things up in a body. The first thing that is not what was asked for is
// the error of all.
type fields struct {
	body any
	err  error
}

// text returns what is at a pointer: text, a number, true or false. What is not there
// is "". Without a pointer it looks at the default place, where something else may be.
func (f *fields) text(pointer, otherwise string) string {
	at := pointer
	if at == "" {
		at = otherwise
	}
	switch value := f.at(at).(type) {
	case nil:
		return ""
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		return strconv.FormatBool(value)
	}
	if pointer != "" {
		f.fail("what is at %s in the body is neither text nor a number", at)
	}
	return ""
}

// list returns the texts at a pointer, and whether a list is there.
func (f *fields) list(pointer, otherwise string) (texts []string, there bool) {
	at := pointer
	if at == "" {
		at = otherwise
	}
	value := f.at(at)
	list, is := value.([]any)
	if !is {
		if value != nil && pointer != "" {
			f.fail("what is at %s in the body is not a list", at)
		}
		return nil, false
	}
	for _, item := range list {
		text, is := item.(string)
		if !is {
			f.fail("what is at %s in the body is not a list of texts", at)
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

// at follows a JSON pointer (RFC 6901); nil is nothing.
func (f *fields) at(pointer string) any {
	if pointer == "" {
		return nil
	}
	rest, is := strings.CutPrefix(pointer, "/")
	if !is {
		f.fail("%q is no JSON pointer: write /%s", pointer, pointer)
		return nil
	}
	value := f.body
	for token := range strings.SplitSeq(rest, "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch container := value.(type) {
		case map[string]any:
			value = container[token]
		case []any:
			index, err := strconv.Atoi(token)
			if err != nil || index < 0 || index >= len(container) || strconv.Itoa(index) != token {
				return nil
			}
			value = container[index]
		default:
			return nil
		}
	}
	return value
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = sdk.Errorf(sdk.ClassInvalidConfig, format, args...)
	}
}
