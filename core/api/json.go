package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// maxJSON is the largest JSON body; YAML inside of JSON is longer than by itself.
const maxJSON = 12 << 20

// readJSON decodes a body. One that is missing leaves into as it is.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSON))
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			return &core.Error{Code: core.CodeInvalid, Message: "there is more in the body than one JSON value"}
		}
		return nil
	}
	var tooLarge *http.MaxBytesError
	var mistyped *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &tooLarge):
		return tooLargeError(tooLarge.Limit)
	case errors.As(err, &mistyped):
		return &core.Error{Code: core.CodeInvalid, Message: "the body is not as it should be",
			Details:     fmt.Sprintf("%s: expected %s, got %s", mistyped.Field, mistyped.Type, mistyped.Value),
			Suggestions: []string{"GET /api/openapi.json describes every request"}}
	case errors.As(err, &syntax):
		return &core.Error{Code: core.CodeInvalid, Message: "the body is not JSON", Details: fmt.Sprintf("at byte %d: %v", syntax.Offset, syntax)}
	default:
		return &core.Error{Code: core.CodeInvalid, Message: "the body is not JSON", Details: "it ends too early", Err: err}
	}
}

func tooLargeError(limit int64) error {
	return core.Errorf(core.CodeTooLarge, "the request is larger than %d MiB, the most that is taken here", limit>>20)
}
