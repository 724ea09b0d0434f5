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

// readJSON decodes a body strictly: see checkShape. One that is missing leaves into,
// a pointer to a struct, as it is.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxJSON))
	if err != nil || len(body) == 0 {
		return err
	}
	if err := checkShape(body, into); err != nil {
		return err
	}
	return notJSON(json.Unmarshal(body, into))
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
