package condition_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core/condition"
)

var variables = condition.Variables{
	Branch: "main", Tag: "v1.2", Event: "git_push", Commit: "abc", Repository: "acme/site",
	Params:  map[string]string{"count": "10", "deploy": "true", "dry-run": "no", "word": "x", "big": "True", "none": ""},
	Matrix:  map[string]string{"go": "1.22", "os": "linux"},
	Env:     map[string]string{"BRANCH": "main", "FLAG": "true", "ONE": "1", "NO": "false", "PORT": "8080", "EVIL": "' || true || '", "ÄÖ": "x"},
	Outputs: map[string]map[string]string{"test": {"report": "r.xml", "a-b": "c", "changed": "1"}, "build/unit-1": {"n": "3"}},
}

func TestEval(t *testing.T) {
	t.Parallel()
	failed, cancelled := variables, variables
	failed.Failed, cancelled.Cancelled = true, true
	for _, tc := range []struct {
		source string
		v      condition.Variables
		want   bool
	}{
		{"", variables, true}, {" \n", failed, true}, {"true", variables, true}, {"false", variables, false},
		{"${BRANCH} == 'main'", variables, true}, {"${BRANCH} == \"dev\"", variables, false},
		{"branch == 'main'", variables, true}, {"'${BRANCH}' == 'main'", variables, true},
		{"'${BRANCH}' == 'main' && '${NOPE}' == ''", variables, true},
		{"${{ branch == 'main' }}", variables, true}, {"${{ branch }} == 'main' || ${{ false }}", variables, true},
		{"${BRANCH} == 'main' && ${NOPE} != ''", variables, false}, {"${NOPE} == ''", condition.Variables{}, true},
		{"'x-${BRANCH}-${PORT}' == 'x-main-8080'", variables, true},
		{"${EVIL} == 'main'", variables, false}, {"'${EVIL}' == 'main'", variables, false},
		{"'ä€' != '' && ${BRANCH} == 'main'", variables, true}, {"env['ÄÖ'] == 'x'", variables, true},
		{"${FLAG}", variables, true}, {"${ONE}", variables, true}, {"${NO}", variables, false}, {"env.FLAG", variables, true},
		{"!${NO} && ${FLAG}", variables, true}, {"not ${FLAG}", variables, false}, {"${FLAG} == true", variables, true},
		{"true != ${NO}", variables, true}, {"${FLAG} ? branch == 'main' : ${NO}", variables, true},
		{"branch in ['main', 'dev']", variables, true}, {"branch matches '^ma'", variables, true},
		{"branch startsWith 'ma' and not (tag contains 'x')", variables, true}, {"int(${PORT}) > 8000", variables, true},
		{"lower(repository) == 'acme/site' && len(commit) == 3", variables, true},
		{"steps[\"test\"].outputs[\"report\"] == 'r.xml'", variables, true}, {"steps.test.outputs['a-b'] == 'c'", variables, true},
		{"steps.nope.outputs.report == ''", variables, true}, {"steps.nope.outputs.report == ''", condition.Variables{}, true},
		{`steps["build/unit-1"].outputs.n > 2`, variables, true}, {"steps.test.outputs.a-b == 'c'", variables, true}, {"steps.test.outputs.changed", variables, true},
		{"params.count > 9", variables, true}, {"9 < params.count", variables, true}, {"params.count >= 10.0 && params.count <= 1e1", variables, true},
		{"params.count == '10'", variables, true}, {"params.count == 10.0", variables, true}, {"params.count != 10", variables, false},
		{"params.count > -1", variables, true}, {"params.count > 1 + 8", variables, true}, {"params.count > len(branch)", variables, true}, {"float(params.count) > params.count", variables, false},
		{"matrix.go == 1.22", variables, true}, {"matrix.go == 1.220", variables, true}, {"matrix.go == '1.220'", variables, false},
		{"matrix.os == 1", variables, false}, {"matrix.os != 1", variables, true}, {"matrix.os in [1, 2]", variables, false}, {"params.count in [1, 10]", variables, true},
		{"params.none == 0", variables, false}, {"matrix['os'] in ['linux', 'mac']", variables, true}, {"${PORT} > 80", variables, true},
		{"params.deploy", variables, true}, {"params.deploy == true", variables, true}, {"params.deploy != false", variables, true}, {"params.big", variables, true},
		{"params.word", variables, false}, {"params.word == false", variables, true}, {"!params.nope && params[\"deploy\"]", variables, true},
		{"params.dry-run == 'no'", variables, true}, {"'ä' != '' && params.dry-run == 'no' && params.nope-nope == ''", variables, true}, {"params['dry-run'] == 'no'", variables, true},
		{"branch + '-' + tag == 'main-v1.2'", variables, true}, {"params.count > 3 ? params.deploy : false", variables, true}, {"branch < 'n'", variables, true},
		{"success()", variables, true}, {"success()", failed, false}, {"success()", cancelled, false},
		{"failure()", variables, false}, {"failure()", failed, true}, {"always()", cancelled, true},
		{"cancelled()", cancelled, true}, {"cancelled()", failed, false},
		{"event == 'git_push' && tag != '' && repository != ''", variables, true},
	} {
		t.Run(tc.source, func(t *testing.T) {
			t.Parallel()
			c, err := condition.Parse(tc.source)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Eval(tc.v)
			if err != nil || got != tc.want {
				t.Errorf("got %t, %v, want %t", got, err, tc.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		source     string
		offset     int
		message    string
		suggestion string
	}{
		{"brnach == 'main'", 0, "no value named brnach", "did you mean branch?"},
		{"'ä' == branhc", 8, "no value named branhc", "did you mean branch?"},
		{"branch == main", 10, "no value named main", "text is written in quotes: 'main'"},
		{"BRANCH == 'main'", 0, "no value named BRANCH", "${BRANCH}"},
		{"$BRANCH == 'main'", 0, "no value named $BRANCH", "${BRANCH}"},
		{"$env == 'main'", 0, "no value named $env", ""},
		{"__BRANCH_ == 'main'", 0, "no value named __BRANCH_", ""},
		{"__truth('1')", 0, "no function __truth()", ""},
		{"branch = 'main'", 7, "unexpected =", "=="},
		{"branch & tag", 7, "unexpected &", "&&"},
		{"branch == ", 10, "ends too early", ""},
		{"branch == 'main", 10, "no closing quote", ""},
		{"branch == 1", 7, "text and a number", "quotes"},
		{"branch == 1 && true", 7, "text and a number", "quotes"}, {"params.a > params.b", 9, "10 comes before 9", "float("},
		{"params.a >= '3'", 9, "10 comes before 9", "without quotes"}, {"params.a < env.B", 9, "10 comes before 9", ""}, {"env[branch] > 3", 3, "cannot be looked up", ""},
		{"branch && true", 7, "text and true or false", "compare"},
		{" branch", 1, "gives text", "compare"}, {"'${FLAG}'", 0, "gives text", "compare"}, {"1", 0, "gives a number", ""},
		{"${A-b} == ''", 0, "${A-b} is not a variable", ""}, {"true || ${env.X}", 8, "${env.X} is not a variable", "${X} or env.X"},
		{"branch == '${A:-x}'", 10, "${A:-x} is not a variable", "defaults"},
		{"${X", 0, "never closed", ""}, {"${{ true", 0, "never closed", ""},
		{"branch == '${{ tag }}'", 10, "within quotes", ""},
		{"env == ''", 0, "env alone", "env.NAME"}, {"steps.a.outputs == ''", 0, "only its outputs", ""},
		{"steps.a.result.x == ''", 0, "only its outputs", ""}, {"env[branch] == ''", 3, "cannot be looked up", ""},
		{"branch.x == ''", 0, "is a text", ""}, {"foo.x == ''", 0, "no value named foo", ""},
		{"success", 0, "is a function", "success()"}, {"succes()", 0, "no function succes()", "success()"}, {"success(1)", 0, "takes nothing", ""},
		{"all([1], true)", 0, "no function all()", ""}, {"now() == 1", 0, "no function now()", ""},
		{"let x = 1; true", 4, "cannot do this", ""}, {"{'a': 1} == 1", 0, "cannot do this", ""}, {"nil == branch", 0, "cannot do this", ""},
		{"branch[0:1] == 'm'", 6, "cannot do this", ""}, {"1..3 == 2", 1, "no operator ..", ""}, {"branch - tag == ''", 7, "no operator -", "known"},
		{"branch + 1 == ''", 7, "+ cannot be used with text and a number", ""}, {"env.A + 1 == 2", 6, "text and a number", "int()"},
		{"secrets.TOKEN == ''", 0, "secrets cannot be used in conditions", "output"}, {"secrets == ''", 0, "secrets alone", ""},
		{"hash('x') == ''", 0, "hash() cannot be used in conditions", ""}, {"hashFiles('x') == ''", 0, "hashFiles() cannot be used", ""},
		{"params == ''", 0, "params alone", "params.NAME"}, {"matrix.a.b == ''", 0, "no parts", "matrix.NAME"}, {"parms.a == ''", 0, "no value named parms", "did you mean params?"},
		{"'${params.a}' == ''", 0, "not a variable", "write params.a, without ${ }"},
		{"branch matches tag", 15, "known before the run", ""}, {"branch matches '('", 7, "pattern of matches is wrong", ""},
		{"true // x", 5, "no comments", ""}, {"contains(branch, 'x')", 0, "unexpected contains", "between"},
		{strings.Repeat("(", 3000), 3000, "ends too early", ""}, {strings.Repeat("!", 5000), 4096, "at most 4096", ""},
		{"true" + strings.Repeat("||true", 600), -1, "too many parts", ""},
		{"branch == '\xff'", 0, "UTF-8", ""},
	} {
		t.Run(tc.source[:min(40, len(tc.source))], func(t *testing.T) {
			t.Parallel()
			_, err := condition.Parse(tc.source)
			var e *condition.SyntaxError
			if !errors.As(err, &e) {
				t.Fatalf("err = %v", err)
			}
			if tc.offset >= 0 && e.Offset != tc.offset || !strings.Contains(e.Message, tc.message) || !strings.Contains(e.Suggestion, tc.suggestion) {
				t.Errorf("got %d %q %q", e.Offset, e.Message, e.Suggestion)
			}
		})
	}
}

func TestEvalFails(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"int(${BRANCH}) > 1":         "int",
		"env.BRANCH > 1":             "env.BRANCH is a text that is no number",
		"1 <= params.none":           "params.none is empty",
		"steps.a.outputs.b > 1":      "the output b of step a is empty",
		"${BIG} + ${BIG} == ''":      "too long",
		"'${BIG}${BIG}' == ''":       "too long",
		"'${BIG}' == '${BIG}${BIG}'": "too long",
	} {
		c, err := condition.Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Eval(condition.Variables{Env: map[string]string{"BRANCH": "x", "BIG": strings.Repeat("x", 200<<10)}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestUsesStatus(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		"": false, "true": false, "branch == 'always()'": false,
		"always()": true, "branch == 'main' && !failure()": true, "cancelled()": true, "success() ? true : false": true,
	} {
		c, err := condition.Parse(source)
		if err != nil || c.UsesStatus() != want {
			t.Errorf("%q: %v %v", source, c, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"${BRANCH} == 'main' && !${X}", "'${A}b' in ['x', \"y\"]", "${{ env[\"X\"] }} || steps.a.outputs.b == ''",
		"failure() ? int(tag) > 1 : branch matches '^a'", "a | b(c)", "`raw` // x", "((((", "x?.y ?? z", "let a = 1; #"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, err := condition.Parse(source)
		if err == nil {
			_, _ = c.Eval(variables)
			_, _ = c.Eval(condition.Variables{})
			return
		}
		var e *condition.SyntaxError
		if !errors.As(err, &e) {
			t.Fatalf("%T", err)
		}
		if e.Offset < 0 || e.Offset > len(source) || e.Message == "" {
			t.Fatalf("%+v", e)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := condition.Parse("${BRANCH} == 'main' && event != 'pull_request'"); err != nil {
			b.Fatal(err)
		}
	}
}
