package engine

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	environment := map[string]string{"A": "1", "EMPTY": "", "NESTED": "${A}"}
	for text, want := range map[string]string{
		"":              "",
		"plain $A":      "plain $A",
		"${A}":          "1",
		"x${A}y${A}":    "x1y1",
		"${EMPTY}":      "",
		"${UNSET}":      "${UNSET}",
		"$${A}":         "${A}",
		"${A":           "${A",
		"${not a name}": "${not a name}",
		"${NESTED}":     "${A}", // values are not programs
	} {
		if got := expand(text, environment); got != want {
			t.Errorf("expand(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestExpandConfigLeavesScriptsAlone(t *testing.T) {
	t.Parallel()
	config := json.RawMessage(`{"image":"app:${V}","script":"echo ${V}","command":"${V}","list":["${V}",{"deep":"${V}"}],"number":12345678901234567890}`)
	got, err := (&inputs{}).config(config, map[string]string{"V": "a\"b"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"command":"${V}","image":"app:a\"b","list":["a\"b",{"deep":"a\"b"}],"number":12345678901234567890,"script":"echo ${V}"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLayersOfEnvironment(t *testing.T) {
	t.Parallel()
	merged := map[string]string{"BASE": "b"}
	in := &inputs{}
	if err := errors.Join(in.addLayer(merged, map[string]string{"A": "${BASE}/a", "B": "${A}"}),
		in.addLayer(merged, map[string]string{"BASE": "c", "A": "${A}/${BASE}"})); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"BASE": "c", "A": "b/a/b", "B": "${A}"}
	if diff := cmp.Diff(want, merged); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
