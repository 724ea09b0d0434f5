package schema

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	reference "github.com/santhosh-tekuri/jsonschema/v6"
)

// samples are schemas and values for them; whether a value fits is known from the
// reference validator.
var samples = []struct {
	schema string
	values []string
}{
	{`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`,
		[]string{`{"a":"x"}`, `{"a":1}`, `{}`, `{"a":"x","b":1}`, `[]`, `null`}},
	{`{"type":["string","null"],"minLength":2,"maxLength":3}`, []string{`"é"`, `"éé"`, `"éééé"`, `null`, `1`}},
	{`{"type":"integer","minimum":1,"exclusiveMaximum":5}`, []string{`0`, `1`, `1.0`, `1.5`, `4`, `5`, `1e0`, `-1e400`}},
	{`{"type":"number","exclusiveMinimum":0,"maximum":1,"multipleOf":0.1}`, []string{`0`, `0.3`, `0.35`, `1`, `1.1`}},
	{`{"enum":["a",1,null,{"b":[1]}]}`, []string{`"a"`, `1.0`, `null`, `{"b":[1.0]}`, `{"b":[2]}`, `true`}},
	{`{"const":null}`, []string{`null`, `0`}},
	{`{"const":{"a":1,"b":2}}`, []string{`{"b":2,"a":1}`, `{"a":1}`}},
	{`{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":2,"uniqueItems":true}`, []string{`[]`, `["a"]`, `["a","a"]`, `["a","b","c"]`, `[1]`}},
	{`{"uniqueItems":true}`, []string{`[1,1.0]`, `[{"a":1,"b":2},{"b":2,"a":1}]`, `["1",1]`, `[[],{}]`}},
	{`{"prefixItems":[{"type":"string"},true],"items":false}`, []string{`["a"]`, `["a",1]`, `["a",1,2]`, `[1]`}},
	{`{"patternProperties":{"^x-":{"type":"number"}},"additionalProperties":{"type":"string"}}`, []string{`{"x-a":1}`, `{"x-a":"b"}`, `{"y":"b"}`, `{"y":1}`}},
	{`{"propertyNames":{"pattern":"^[a-z]+$"},"minProperties":1,"maxProperties":2}`, []string{`{}`, `{"a":1}`, `{"A":1}`, `{"a":1,"b":1,"c":1}`}},
	{`{"dependentRequired":{"a":["b"]},"dependentSchemas":{"c":{"required":["d"]}}}`, []string{`{"a":1}`, `{"a":1,"b":1}`, `{"c":1}`, `{"c":1,"d":1}`}},
	{`{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}`, []string{`"a"`, `["a"]`, `[1]`, `1`}},
	{`{"oneOf":[{"type":"number"},{"minimum":5},{"type":"string"}]}`, []string{`1`, `7`, `"a"`}},
	{`{"allOf":[{"minimum":2},{"maximum":3}],"not":{"const":2}}`, []string{`1`, `2`, `3`, `4`}},
	{`{"if":{"properties":{"a":{"const":1}},"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}`, []string{`{"a":1}`, `{"a":1,"b":1}`, `{"a":2}`, `{"c":1}`}},
	{`{"$defs":{"t":{"type":"object","properties":{"next":{"$ref":"#/$defs/t"}},"additionalProperties":false}},"$ref":"#/$defs/t"}`,
		[]string{`{"next":{"next":{}}}`, `{"next":{"nxt":{}}}`, `1`}},
	{`{"$defs":{"a/b":{"type":"string"}},"properties":{"x":{"$ref":"#/$defs/a~1b","minLength":2}}}`, []string{`{"x":"a"}`, `{"x":"ab"}`, `{"x":1}`}},
	{`true`, []string{`1`}},
	{`false`, []string{`1`}},
	{`{"pattern":"^a+$","format":"email","title":"x","default":1,"x-own":{"y":[1]}}`, []string{`"aa"`, `"b"`, `3`}},
}

// agree compares this package with the reference on one schema and value.
func agree(t *testing.T, schema, value string) {
	t.Helper()
	ours, err := Compile([]byte(schema))
	if err != nil {
		return // it may know less, but must not judge differently
	}
	document, err := reference.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return
	}
	compiler := reference.NewCompiler()
	if err := compiler.AddResource("s.json", document); err != nil {
		return
	}
	theirs, err := compiler.Compile("s.json")
	if err != nil {
		return
	}
	instance, err := reference.UnmarshalJSON(strings.NewReader(value))
	if err != nil {
		return
	}
	problems := ours.Check([]byte(value))
	if verdict := theirs.Validate(instance); (verdict == nil) != (len(problems) == 0) {
		t.Errorf("schema %s, value %s: got %+v, the reference says %v", schema, value, problems, verdict)
	}
}

func TestAgreesWithReference(t *testing.T) {
	t.Parallel()
	for _, sample := range samples {
		t.Run(sample.schema, func(t *testing.T) {
			t.Parallel()
			if _, err := Compile([]byte(sample.schema)); err != nil {
				t.Fatal(err)
			}
			for _, value := range sample.values {
				agree(t, sample.schema, value)
			}
		})
	}
}

func FuzzAgreesWithReference(f *testing.F) {
	for i, sample := range samples {
		for _, value := range sample.values {
			f.Add(i, []byte(value))
		}
	}
	f.Fuzz(func(t *testing.T, which int, value []byte) {
		if which < 0 || len(value) > 1<<10 || bytes.ContainsAny(value, "eE") {
			return // numbers beyond a float64 are compared as such
		}
		agree(t, samples[which%len(samples)].schema, string(value))
	})
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for schema, says := range map[string]string{
		``:                                 "read schema",
		`[]`:                               "a schema is an object",
		`null`:                             "a schema is an object",
		`{"type":"strings"}`:               `no type "strings"`,
		`{"type":7}`:                       `"type" is a name`,
		`{"properties":{"a":7}}`:           "a schema is an object",
		`{"required":"a"}`:                 "read schema",
		`{"pattern":"("}`:                  "pattern",
		`{"patternProperties":{"(":1}}`:    "a schema is an object",
		`{"patternProperties":{"(":true}}`: "patternProperties",
		`{"multipleOf":0}`:                 "multipleOf is above zero",
		`{"$ref":"#/$defs/none"}`:          "leads nowhere",
		`{"$ref":"https://example.com/s"}`: "only #",
		`{"$ref":"#"}`:                     "leads back to itself",
		`{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`: "leads back to itself",
		`{"contains":{}}`: `"contains" is not supported`,
		`{"properties":{"a":{"unevaluatedProperties":false}}}`: `"unevaluatedProperties" is not supported`,
	} {
		t.Run(schema, func(t *testing.T) {
			t.Parallel()
			if _, err := Compile([]byte(schema)); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want %q", err, says)
			}
		})
	}
}

// TestBounds: neither a schema nor a value makes checking endless.
func TestBounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ schema, value string }{
		"doubles at each level": {`{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}`, `1`},
		"deep value":            {`{"items":{"$ref":"#"}}`, strings.Repeat("[", 5000) + strings.Repeat("]", 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Compile([]byte(test.schema))
			if err != nil {
				t.Fatal(err)
			}
			problems := s.Check([]byte(test.value))
			if len(problems) == 0 || len(problems) > MaxProblems {
				t.Errorf("%d problems", len(problems))
			}
		})
	}
	many, err := Compile([]byte(`{"additionalProperties":false}`))
	if err != nil {
		t.Fatal(err)
	}
	var object strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&object, `,"k%d":1`, i)
	}
	if n := len(many.Check([]byte("{" + object.String()[1:] + "}"))); n != MaxProblems {
		t.Errorf("%d problems", n)
	}
}
