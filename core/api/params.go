package api

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// textsOf makes texts of parameters: of text itself, of numbers and booleans what was
// written. Anything else is Invalid.
func textsOf(params *Params) (map[string]string, error) {
	if params == nil {
		return nil, nil
	}
	texts := make(map[string]string, len(*params))
	for name, raw := range *params {
		written := strings.TrimSpace(string(raw))
		switch {
		case strings.HasPrefix(written, `"`):
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, fmt.Errorf("decode a parameter: %w", err) // it was decoded once
			}
			texts[name] = text
		case written == "" || strings.ContainsAny(written[:1], "{[n"):
			return nil, &core.Error{Code: core.CodeInvalid, Message: "the body is not as it should be",
				Details:     pointer("/params", name) + ": expected text, a number, or true or false",
				Suggestions: []string{"leave a parameter out that has no value"}}
		default:
			texts[name] = written
		}
	}
	return texts, nil
}
