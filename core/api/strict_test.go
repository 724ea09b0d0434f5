package api

import (
	"encoding/json"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

// What checkShape lets through, encoding/json can decode, but for numbers out of range;
// and it refuses in words of ours.
func FuzzCheckShape(f *testing.F) {
	for _, seed := range []string{"", "null", "{}", "[]", `{"branch":"a"}`, `{"branch":null}`, `{"params":{"a":1}}`, `{"params":{"":{}}}`,
		`{"priority":1}`, `{"priority":1e400}`, `{"changed_paths":[null]}`, `{"Branch":1}`, `{"branch":"a"} {}`, `{"a":{"b":`, "\xff", `{"\ud800":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var into TriggerRequest
		_, err := checkShape([]byte(body), &into)
		if err != nil && core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%v", err)
		}
		if err == nil && json.Valid([]byte(body)) {
			if err := json.Unmarshal([]byte(body), &into); err != nil {
				t.Errorf("let %q through: %v", body, err)
			}
		}
		if _, err := textsOf(into.Params); err != nil && core.CodeOf(err) != core.CodeInvalid {
			t.Errorf("%v", err)
		}
	})
}

// Clients that write every field write null for those that they have not.
func TestNullIsAsIfItWereMissing(t *testing.T) {
	t.Parallel()
	if _, err := checkShape([]byte(`{"branch":null,"params":null}`), &TriggerRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := checkShape([]byte(`{"environment":{"A":null}}`), &TriggerRequest{}); err == nil {
		t.Error("a variable without a value")
	}
}
