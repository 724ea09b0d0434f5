package condition_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
)

// templates see what conditions see, secrets and the hash of files.
func templateVariables() condition.Variables {
	v := variables
	v.Secrets = map[string]string{"TOKEN": "s3cret", "NUMBER": "12x"}
	v.Hash = func(patterns ...string) (string, error) {
		if patterns[0] == "bad" {
			return "", errors.New("no such folder")
		}
		return "h(" + strings.Join(patterns, "|") + ")", nil
	}
	return v
}

func TestExpand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "",
		"plain $X ${X} }} {{ x }}":     "plain $X ${X} }} {{ x }}",
		"${{ branch }}":                "main",
		"a-${{branch}}-${{ tag }}.tar": "a-main-v1.2.tar",
		"${{ branch == 'main' ? 'prod' : 'dev' }}":   "prod",
		"${{ 'a' + branch + \"-\" + params.count }}": "amain-10",
		"${{ '}}' + 'b' }}":                          "}}b",
		"${{ ${BRANCH}}}":                            "main",
		"${{ 'x-${BRANCH}' }}":                       "x-main",
		"${{ 1 + int(params.count) }}":               "11",
		"${{ 1.50 }} ${{ branch == tag }}":           "1.5 false",
		"$${{ branch }}":                             "${{ branch }}",
		"a$${{$${{ ${{ branch }}$":                   "a${{${{ main$",
		"${{ hash('go.sum') }}":                      "h(go.sum)",
		"${{ hashFiles('a', '**/' + branch) }}":      "h(a|**/main)",
		"${{ secrets.TOKEN }}":                       "s3cret",
		"${{ secrets.NOPE }}${{ matrix.nope }}":      "",
		"${{ params.deploy ? 1 : 2 }}":               "1",
		"${{ params.dry-run }}":                      "no",
		"${{ steps[\"build/unit-1\"].outputs.n }}":   "3",
		"ä€ ${{\n  branch\n}}":                       "ä€ main",
		"${{ params.evil }}":                         "${{ branch }}${BRANCH}",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			parsed, err := condition.ParseTemplate(text)
			if err != nil {
				t.Fatal(err)
			}
			v := templateVariables()
			v.Params = map[string]string{"evil": "${{ branch }}${BRANCH}"}
			for name, value := range variables.Params {
				v.Params[name] = value
			}
			got, err := parsed.Expand(v)
			if err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestParseTemplateRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text       string
		offset     int
		message    string
		suggestion string
	}{
		{"x ${{ branch", 2, "never closed", "$${{"}, {"${{ branch ${{ tag }}", 0, "never closed", ""},
		{"ä ${{ 'x }}", 7, "no closing quote", ""}, {"${{ 'x }}'", 0, "never closed", ""}, {"${{}}", 0, "nothing between", ""}, {"a ${{  }}", 2, "nothing between", ""},
		{"ä ${{ brnch }}", 7, "no value named brnch", "did you mean branch?"}, {"${{ branch }} ${{ 'ä' + tga }}", 25, "no value named tga", "did you mean tag?"},
		{"${{ branch == }}", 14, "ends too early", ""}, {"${{ ['a'] }}", 4, "gives a list", ""}, {"${{ nil }}", 4, "cannot do this", ""},
		{"${{ env }}", 4, "env alone", ""}, {"${{ failure() }}", 4, "only be used in conditions", ""}, {"${{ hash() }}", 4, "needs the files", ""},
		{"${{ hash(1) }}", 4, "patterns", ""}, {"${{ hsh('a') }}", 4, "no function hsh()", "did you mean hash()?"}, {"${{ hash }}", 4, "is a function", "hash()"},
		{"${{ branch == 'main' ? 'a' : 1 }}", 4, "different kinds", ""}, {"${{ branch + 1 }}", 11, "text and a number", ""},
		{strings.Repeat("${{ branch }} ", 1002), 14014, "more than 1000", ""}, {"${{ " + strings.Repeat(" ", 5000) + "branch }}", 0, "never closed, or not within 4096", ""},
		{"${{ '\xff' }}", 3, "UTF-8", ""},
	} {
		t.Run(tc.text[:min(40, len(tc.text))], func(t *testing.T) {
			t.Parallel()
			_, err := condition.ParseTemplate(tc.text)
			var e *condition.SyntaxError
			if !errors.As(err, &e) {
				t.Fatalf("err = %v", err)
			}
			if e.Offset != tc.offset || !strings.Contains(e.Message, tc.message) || !strings.Contains(e.Suggestion, tc.suggestion) {
				t.Errorf("got %d %q %q", e.Offset, e.Message, e.Suggestion)
			}
		})
	}
}

func TestExpandFails(t *testing.T) {
	t.Parallel()
	v := templateVariables()
	v.Env = map[string]string{"BIG": strings.Repeat("x", 400<<10)}
	for text, want := range map[string]string{
		"a ${{ params.word > 3 }}":             "${{ params.word > 3 }}: params.word is a text that is no number",
		"${{ hash('bad') }}":                   "no such folder",
		"${{ int(secrets.NUMBER) }}":           "do not fit",
		"${{env.BIG}}${{env.BIG}}${{env.BIG}}": "longer than",
		"${{ env.BIG + 'x' }}":                 "too long",
		"${{ float('inf') }}":                  "cannot be written",
	} {
		parsed, err := condition.ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsed.Expand(v)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "12x") || got != "" {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	parsed, err := condition.ParseTemplate("${{ hash('a') }}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Expand(condition.Variables{}); err == nil || !strings.Contains(err.Error(), "hash() cannot be used here") {
		t.Errorf("without files: %v", err)
	}
}

// What goes into a script is a word and nothing else.
func TestExpandSafe(t *testing.T) {
	t.Parallel()
	for value, safe := range map[string]bool{
		"": true, "v1.2-rc_3": true, "a b/c:d@e%f+g=h,i": true, "Grüße東": true,
		"a;b": false, "$(x)": false, "`x`": false, "a&b": false, "a|b": false, "a>b": false, "a'b": false, "a\"b": false, "a\\b": false, "a\nb": false,
		"a*": false, "a?": false, "~": false, "a#": false, "!": false, "{a,b}": false, "[a]": false, "a\x00": false, "a\tb": false, "a\xff": false, "a\u00a0b": false,
	} {
		parsed, err := condition.ParseTemplate("echo '$x;' ${{ params.p }}")
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsed.ExpandSafe(condition.Variables{Params: map[string]string{"p": value}})
		if safe && (err != nil || got != "echo '$x;' "+value) {
			t.Errorf("%q: %q, %v", value, got, err)
		}
		if !safe && (err == nil || got != "" || !strings.Contains(err.Error(), "params.p") || !strings.Contains(err.Error(), "environment: {NAME")) {
			t.Errorf("%q: %q, %v", value, got, err)
		}
		if err != nil && strings.Contains(strings.ReplaceAll(err.Error(), "${{ params.p }}", ""), value) && len(value) > 2 {
			t.Errorf("%q is in %v", value, err)
		}
	}
	parsed, err := condition.ParseTemplate("login ${{ secrets.TOKEN }}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.ExpandSafe(templateVariables()); err == nil || !strings.Contains(err.Error(), "under secrets") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a secret: %v", err)
	}
}

// ${VAR} is replaced in what the file says, never in a value.
func TestExpandWith(t *testing.T) {
	t.Parallel()
	parsed, err := condition.ParseTemplate("${X} ${{ params.p }} ${X}")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parsed.ExpandWith(condition.Variables{Params: map[string]string{"p": "${X}"}},
		func(text string) string { return strings.ReplaceAll(text, "${X}", "1") })
	if err != nil || got != "1 ${X} 1" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A config value that is one expression keeps its kind.
func TestValue(t *testing.T) {
	t.Parallel()
	v := templateVariables()
	v.Params = map[string]string{"count": "3", "on": "True", "text": "5", "odd": "x"}
	v.ParamTypes = map[string]core.ParamType{"count": core.ParamNumber, "on": core.ParamBoolean, "text": core.ParamString, "odd": core.ParamNumber}
	for text, want := range map[string]any{
		"${{ params.count }}": json.Number("3"), "${{ params.on }}": true, "${{ params.text }}": "5", "${{ params.odd }}": "x", "${{ params['count'] }}": json.Number("3"),
		"${{ params.count }} ": "3 ", "x${{ params.on }}": "xTrue", "${{ params.count + '' }}": "3", "${{ int(params.text) + 1 }}": json.Number("6"),
		"${{ params.count > 2 }}": true, "${{ params.count < 2 }}": false, "${{ branch }}": "main", "true": "true", "${X}": "y", "": "",
	} {
		parsed, err := condition.ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsed.Value(v, func(literal string) string { return strings.ReplaceAll(literal, "${X}", "y") })
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", text, err, diff)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	c, err := condition.Parse("${A} == 'ä${B}' && params.dry-run || steps['a/b'].outputs.c == matrix[\"x\"]")
	if err != nil {
		t.Fatal(err)
	}
	want := []condition.Reference{{Kind: "env", Name: "A"}, {Kind: "env", Name: "B", Offset: 8}, {Kind: "params", Name: "dry-run", Offset: 20},
		{Kind: "steps", Name: "a/b", Output: "c", Offset: 38}, {Kind: "matrix", Name: "x", Offset: 64}}
	if diff := cmp.Diff(want, c.References()); diff != "" {
		t.Error(diff)
	}
	parsed, err := condition.ParseTemplate("ä ${{ env.X }} $${{ ${{ secrets.S + hash(params.p) }}")
	if err != nil {
		t.Fatal(err)
	}
	want = []condition.Reference{{Kind: "env", Name: "X", Offset: 7}, {Kind: "secrets", Name: "S", Offset: 25}, {Kind: "hash", Name: "hash", Offset: 37}, {Kind: "params", Name: "p", Offset: 42}}
	if diff := cmp.Diff(want, parsed.References()); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, seed := range []string{"a ${{ branch }} $${{ }}", "${{ hash('a', params.b) + secrets.C }}", "${{ '}}' }}${{", "${{ ${A}}} '${{ b }}'",
		"${{ params.a-b > 3 ? 1 : 2.5 }}", "$$${{ x", "${{ steps['a'].outputs.b in [1, -2] }}", "${{ `", "${{ a.b-c.d }}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := condition.ParseTemplate(text)
		if err != nil {
			var e *condition.SyntaxError
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) || e.Message == "" {
				t.Fatalf("%T %+v", err, err)
			}
			return
		}
		for _, reference := range parsed.References() {
			if reference.Offset < 0 || reference.Offset >= len(text) || reference.Name == "" && !strings.ContainsAny(text, `'"`+"`") {
				t.Fatalf("%+v", reference)
			}
		}
		got, err := parsed.Expand(templateVariables())
		if err == nil && len(got) > len(text)+1<<20 {
			t.Fatal("too long")
		}
		if !strings.Contains(text, "${{") && (got != text || err != nil) {
			t.Fatalf("got %q, %v", got, err)
		}
		if value, valueErr := parsed.Value(templateVariables(), nil); (err == nil) != (valueErr == nil) || valueErr == nil && value == nil {
			t.Fatalf("value %v, %v", value, valueErr)
		}
		_, _ = parsed.ExpandSafe(condition.Variables{})
	})
}
