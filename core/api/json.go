package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// maxJSON is the largest JSON body; YAML inside of JSON is longer than by itself.
const maxJSON = 12 << 20

// readJSON decodes a body strictly: see checkShape, and CheckBody of the contract. One
// that is missing, where it may be, leaves into, a pointer to a struct, as it is.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	operation := operationOf(r.Context())
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxJSON))
	switch {
	case err != nil:
		return err
	case len(body) == 0 && operation != nil && operation.Body != nil && operation.Body.Required:
		return &core.Error{Code: core.CodeInvalid, Message: "the body is missing", Suggestions: []string{"send an object in JSON"}}
	case len(body) == 0:
		return nil
	}
	value, err := checkShape(body, into)
	if err != nil {
		return err
	}
	if err := notJSON(json.Unmarshal(body, into)); err != nil || operation == nil {
		return err
	}
	return operation.CheckBody(value)
}

// notJSON explains what is wrong with a body.
func notJSON(err error) error {
	var mistyped *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mistyped): // checkShape knows it better, but for numbers out of range
		return &core.Error{Code: core.CodeInvalid, Message: "the body is not as it should be",
			Details:     fmt.Sprintf("%s: expected %s, got %s", mistyped.Field, mistyped.Type, mistyped.Value),
			Suggestions: []string{"GET /api/openapi.json describes every request"}}
	case errors.As(err, &syntax):
		return &core.Error{Code: core.CodeInvalid, Message: "the body is not one JSON value, with nothing more behind it",
			Details: fmt.Sprintf("at byte %d: %v", syntax.Offset, syntax)}
	default:
		return &core.Error{Code: core.CodeInvalid, Message: "the body is not JSON", Err: err}
	}
}

func tooLargeError(limit int64) error {
	return core.Errorf(core.CodeTooLarge, "the request is larger than %d MiB, the most that is taken here", limit>>20)
}
