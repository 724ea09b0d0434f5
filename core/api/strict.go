package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

var rawMessage = reflect.TypeFor[json.RawMessage]()

// checkShape holds a JSON body against the type it is for: keys that the type does
// not have, and values of another kind, are Invalid, with the place as a JSON pointer
// (RFC 6901). encoding/json would drop the one, and say the other in words of Go.
// What is not JSON is left to it.
//
// It returns what it decoded, with json.Number for numbers.
func checkShape(body []byte, into any) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil, nil
	}
	return value, shapeOf(value, reflect.TypeOf(into).Elem(), "")
}

func shapeOf(value any, want reflect.Type, at string) error {
	if want.Kind() == reflect.Pointer {
		if value == nil {
			return nil // as if it were missing
		}
		return shapeOf(value, want.Elem(), at)
	}
	if want == rawMessage || want.Kind() == reflect.Interface {
		return nil
	}
	expected, fits := "", false
	switch want.Kind() {
	case reflect.Struct, reflect.Map:
		object, is := value.(map[string]any)
		if is && want.Kind() == reflect.Struct {
			return structShape(object, want, at)
		}
		if is {
			return mapShape(object, want, at)
		}
		expected = "an object"
	case reflect.Slice:
		if list, is := value.([]any); is {
			return listShape(list, want, at)
		}
		expected = "a list"
	case reflect.String:
		expected = "text"
		_, fits = value.(string)
	case reflect.Bool:
		expected = "true or false"
		_, fits = value.(bool)
	case reflect.Int, reflect.Int32, reflect.Int64:
		expected, fits = "a whole number", isWhole(value)
	default:
		return nil
	}
	if fits {
		return nil
	}
	return mistyped(at, expected, value)
}

func isWhole(value any) bool {
	number, is := value.(json.Number)
	if !is {
		return false
	}
	_, err := strconv.ParseInt(number.String(), 10, 64)
	return err == nil
}

func structShape(object map[string]any, want reflect.Type, at string) error {
	fields, names := map[string]reflect.Type{}, []string{}
	for i := range want.NumField() {
		name, _, _ := strings.Cut(want.Field(i).Tag.Get("json"), ",")
		fields[name] = want.Field(i).Type
		names = append(names, name)
	}
	for key, value := range object {
		field, known := fields[key]
		if !known {
			return unknownKey(at, key, names)
		}
		if err := shapeOf(value, field, pointer(at, key)); err != nil {
			return err
		}
	}
	return nil
}

func mapShape(object map[string]any, want reflect.Type, at string) error {
	for key, value := range object {
		if err := shapeOf(value, want.Elem(), pointer(at, key)); err != nil {
			return err
		}
	}
	return nil
}

func listShape(list []any, want reflect.Type, at string) error {
	for i, value := range list {
		if err := shapeOf(value, want.Elem(), pointer(at, strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

// maxShownKey bounds what of a key is repeated in an error.
const maxShownKey = 64

// pointer adds a token to a JSON pointer.
func pointer(at, token string) string {
	if len(token) > maxShownKey {
		token = token[:maxShownKey] + "…"
	}
	return at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

func unknownKey(at, key string, names []string) error {
	e := &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("the body has an unknown key %.64q", key),
		Details: fmt.Sprintf("at %s; the keys here are %s", pointer(at, key), strings.Join(names, ", "))}
	if near := core.Nearest(key, names); near != "" {
		e.Suggestions = append(e.Suggestions, "did you mean "+near+"?")
	}
	return e
}

// mistyped does not repeat the value: it may be a secret.
func mistyped(at, expected string, value any) error {
	got := "null"
	switch value.(type) {
	case string:
		got = "text"
	case bool:
		got = "true or false"
	case json.Number:
		got = "a number"
		if expected == "a whole number" {
			got = "another one"
		}
	case []any:
		got = "a list"
	case map[string]any:
		got = "an object"
	}
	if at == "" {
		at = "the body"
	}
	return &core.Error{Code: core.CodeInvalid, Message: "the body is not as it should be",
		Details: fmt.Sprintf("%s: expected %s, got %s", at, expected, got), Suggestions: []string{"GET /api/openapi.json describes every request"}}
}
