package trigger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
)

func pointer[T any](v T) *T { return &v }

var declared = []core.Param{
	{Name: "name", Type: core.ParamString, Required: true, Pattern: "v[0-9]+"},
	{Name: "count", Type: core.ParamNumber, Default: pointer("2"), Min: pointer(1.0), Max: pointer(5.0)},
	{Name: "dry-run", Type: core.ParamBoolean, Default: pointer("Yes")},
	{Name: "target", Type: core.ParamChoice, Choices: []string{"test", "live"}, Default: pointer("test")},
	{Name: "free", Type: core.ParamString},
}

func TestParams(t *testing.T) {
	t.Parallel()
	got, err := Params(declared, map[string]string{"name": "v1", "count": " 4 ", "dry-run": "OFF"})
	want := map[string]string{"name": "v1", "count": "4", "dry-run": "false", "target": "test", "free": ""}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if got, err := Params(nil, nil); got != nil || err != nil {
		t.Errorf("nothing declared: %v, %v", got, err)
	}
	for name, test := range map[string]struct {
		given map[string]string
		want  string
	}{
		"missing":           {nil, "parameter name has no value"},
		"unknown":           {map[string]string{"name": "v1", "cuont": "1"}, `no parameter "cuont"`},
		"pattern":           {map[string]string{"name": "xv1"}, "does not match"},
		"pattern, lines":    {map[string]string{"name": "v1\nrm"}, "does not match"},
		"no number":         {map[string]string{"name": "v1", "count": "0x2"}, "is no number"},
		"not finite":        {map[string]string{"name": "v1", "count": "inf"}, "is no number"},
		"too small":         {map[string]string{"name": "v1", "count": "0.5"}, "not between 1 and 5"},
		"too large":         {map[string]string{"name": "v1", "count": "6"}, "not between 1 and 5"},
		"neither":           {map[string]string{"name": "v1", "dry-run": "maybe"}, "neither true nor false"},
		"no choice":         {map[string]string{"name": "v1", "target": "Live"}, "none of test, live"},
		"no text":           {map[string]string{"name": "v1", "free": "\xff"}, "not text"},
		"NUL":               {map[string]string{"name": "v1", "free": "a\x00"}, "not text"},
		"more than allowed": {map[string]string{"name": "v1", "free": strings.Repeat("x", maxParam+1)}, "is the most"},
	} {
		if _, err := Params(declared, test.given); core.CodeOf(err) != core.CodeInvalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %q", name, err, test.want)
		}
	}
}
