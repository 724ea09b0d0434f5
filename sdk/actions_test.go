package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kitchenSink has a field for each thing that a config may have.
type kitchenSink struct {
	Name    string      `json:"name" jsonschema:"required,minLength=2,maxLength=5,description=Its name"`
	Count   int         `json:"count,omitempty" jsonschema:"minimum=1,maximum=9,default=3"`
	Ratio   float64     `json:"ratio,omitempty"`
	Loud    bool        `json:"loud,omitempty" jsonschema:"default=true"`
	Mode    string      `json:"mode,omitempty" jsonschema:"enum=fast,enum=safe"`
	Tags    []string    `json:"tags,omitempty" jsonschema:"maxItems=2"`
	Nested  *nestedSink `json:"nested,omitempty"`
	Env     Environment `json:"environment,omitempty"`
	Script  Lines       `json:"script,omitempty"`
	private int
}

type nestedSink struct {
	Memory string            `json:"memory" jsonschema:"required"`
	Labels map[string]string `json:"labels,omitempty"`
}

// CheckConfig refuses one name.
func (k *kitchenSink) CheckConfig() error {
	k.private++
	switch k.Name {
	case "bad":
		return &Error{Class: ClassInvalidConfig, Pointer: "/name", Message: "is a bad name", Suggestion: "take a good one"}
	case "plain":
		return errors.New("a plain error")
	}
	return nil
}

func sinkActions(run func(kitchenSink)) *Actions {
	return NewActions(Info{Name: "sink", Version: "1.0.0"},
		NewAction("one", "The first", func(_ context.Context, r Request[kitchenSink], _ *Session) (Result, error) {
			run(r.Config)
			return Succeeded(), nil
		}, WithOutput("o", "An output")),
		NewAction("two", "The second", func(context.Context, Request[struct{}], *Session) (Result, error) {
			return Failed("two"), nil
		}))
}

func TestActionsDecode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config string
		want   kitchenSink
	}{
		"defaults":           {`{"name":"ab"}`, kitchenSink{Name: "ab", Count: 3, Loud: true}},
		"given, not default": {`{"name":"ab","count":9,"loud":false}`, kitchenSink{Name: "ab", Count: 9}},
		"whole as 2.0":       {`{"name":"äöüßé","ratio":2}`, kitchenSink{Name: "äöüßé", Count: 3, Loud: true, Ratio: 2}},
		"environment map":    {`{"name":"ab","environment":{"A":"b","N":1.50,"T":true,"E":null}}`, kitchenSink{Name: "ab", Count: 3, Loud: true, Env: Environment{"A": "b", "N": "1.50", "T": "true", "E": ""}}},
		"environment list":   {`{"name":"ab","environment":["A=b=c","E="]}`, kitchenSink{Name: "ab", Count: 3, Loud: true, Env: Environment{"A": "b=c", "E": ""}}},
		"script list":        {`{"name":"ab","script":["a","b"]}`, kitchenSink{Name: "ab", Count: 3, Loud: true, Script: "a\nb"}},
		"script text":        {`{"name":"ab","script":"a\n"}`, kitchenSink{Name: "ab", Count: 3, Loud: true, Script: "a\n"}},
		"nested":             {`{"name":"ab","nested":{"memory":"1G","labels":{"x":"y"}}}`, kitchenSink{Name: "ab", Count: 3, Loud: true, Nested: &nestedSink{Memory: "1G", Labels: map[string]string{"x": "y"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got kitchenSink
			actions := sinkActions(func(k kitchenSink) { got = k })
			if _, err := actions.RunStep(t.Context(), RunRequest{Step: Step{Config: json.RawMessage(test.config)}}, nil); err != nil {
				t.Fatal(err)
			}
			got.private = 0
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(kitchenSink{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestActionsRefuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, pointer, message, suggestion string }{
		"unknown key":        {`{"name":"ab","cuont":1}`, "/cuont", `unknown key "cuont"`, "did you mean count?"},
		"nothing near":       {`{"name":"ab","zzzzzzz":1}`, "/zzzzzzz", `unknown key "zzzzzzz"`, "known keys: count, environment"},
		"case matters":       {`{"name":"ab","Count":1}`, "/Count", `unknown key "Count"`, "did you mean count?"},
		"unknown below":      {`{"name":"ab","nested":{"memory":"1","lables":{}}}`, "/nested/lables", `unknown key "lables"`, "did you mean labels?"},
		"missing key":        {`{}`, "", `the key "name" is missing`, ""},
		"missing below":      {`{"name":"ab","nested":{}}`, "/nested", `the key "memory" is missing`, ""},
		"empty is an object": {``, "", `the key "name" is missing`, ""},
		"wrong type":         {`{"name":1.10}`, "/name", "expected a text, got the number 1.10", "put it in quotes"},
		"text for a number":  {`{"name":"ab","count":"4"}`, "/count", `expected a whole number, got the text "4"`, "write it without quotes"},
		"fraction":           {`{"name":"ab","count":1.5}`, "/count", "expected a whole number, got the number 1.5", ""},
		"list for text":      {`{"name":["a"]}`, "/name", "expected a text, got a list", ""},
		"null":               {`{"name":null}`, "/name", "expected a text, got nothing", ""},
		"not an object":      {`[]`, "", "expected a map, got a list", ""},
		"not JSON":           {`{"name":`, "", "the config is not JSON: unexpected EOF", ""},
		"more after it":      {`{} {}`, "", "the config is not JSON: there is more after its end", ""},
		"enum":               {`{"name":"ab","mode":"fats"}`, "/mode", `must be one of "fast", "safe", is "fats"`, "did you mean fast?"},
		"too small":          {`{"name":"ab","count":0}`, "/count", "must be at least 1, is 0", ""},
		"too large":          {`{"name":"ab","count":10}`, "/count", "must be at most 9, is 10", ""},
		"too long":           {`{"name":"abcdef"}`, "/name", "must have at most 5 characters, has 6", ""},
		"too many":           {`{"name":"ab","tags":["a","b","c"]}`, "/tags", "must have at most 2 items, has 3", ""},
		"item of wrong type": {`{"name":"ab","tags":["a",2]}`, "/tags/1", "expected a text, got the number 2", "put it in quotes"},
		"none of the forms":  {`{"name":"ab","script":7}`, "/script", "expected a list or a text, got the number 7", ""},
		"the form meant":     {`{"name":"ab","environment":["A"]}`, "/environment/0", "must match the pattern ^[^=]+=", ""},
		"CheckConfig":        {`{"name":"bad"}`, "/name", "is a bad name", "take a good one"},
		"CheckConfig, plain": {`{"name":"plain"}`, "", "a plain error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actions := sinkActions(func(kitchenSink) { t.Error("it ran") })
			problems, err := actions.CheckConfig(ValidateRequest{Config: json.RawMessage(test.config)})
			if err != nil || len(problems) == 0 {
				t.Fatal(problems, err)
			}
			got := problems[0]
			if got.Severity != SeverityError || got.Pointer != test.pointer || got.Message != test.message ||
				!strings.HasPrefix(got.Suggestion, test.suggestion) || (got.Suggestion == "") != (test.suggestion == "") {
				t.Errorf("got %+v", got)
			}
			_, err = actions.RunStep(t.Context(), RunRequest{Step: Step{Config: json.RawMessage(test.config)}}, nil)
			var e *Error
			if !errors.As(err, &e) || e.Class != ClassInvalidConfig || e.Pointer != test.pointer || !strings.Contains(e.Message, test.message) {
				t.Errorf("RunStep: got %+v", err)
			}
		})
	}
}

func TestActionsReportEverything(t *testing.T) {
	t.Parallel()
	actions := sinkActions(nil)
	problems, err := actions.CheckConfig(ValidateRequest{Action: "one", Config: json.RawMessage(`{"count":"x","mode":"no","extra":1}`)})
	if err != nil || len(problems) != 4 {
		t.Errorf("got %+v, %v", problems, err)
	}
	_, err = actions.RunStep(t.Context(), RunRequest{Step: Step{Config: json.RawMessage(`{"nested":{"memory":1},"name":"ab","x":1}`)}}, nil)
	if err == nil || err.Error() != "nested.memory: expected a text, got the number 1 (and 1 more)" {
		t.Errorf("got %v", err)
	}
}

func TestActionsByName(t *testing.T) {
	t.Parallel()
	actions := sinkActions(func(kitchenSink) {})
	info := actions.Info()
	if len(info.Actions) != 2 || info.Actions[0].Outputs[0].Name != "o" || !json.Valid(info.Actions[0].ConfigSchema) {
		t.Errorf("got %+v", info)
	}
	result, err := actions.RunStep(t.Context(), RunRequest{Step: Step{Action: "two"}}, nil)
	if err != nil || result.Message != "two" {
		t.Errorf("got %+v, %v", result, err)
	}
	_, err = actions.RunStep(t.Context(), RunRequest{Step: Step{Action: "three"}}, nil)
	var e *Error
	if !errors.As(err, &e) || e.Class != ClassInvalidConfig || e.Suggestion != "it has: one, two" {
		t.Errorf("got %+v", err)
	}
	if _, err := actions.CheckConfig(ValidateRequest{Action: "three"}); ClassOf(err) != ClassInvalidConfig {
		t.Errorf("got %v", err)
	}
}

// FuzzDecode: no config makes the decoder panic, and what it accepts is what the
// schema says.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"name":"ab"}`, `{"name":"ab","nested":{"memory":"x"}}`, `[]`, `{"name":"ab","environment":["A=b"],"script":["x"]}`,
		`{"name":"ab","count":1e400}`, `{"name":"\ud800x"}`, `{"name":"ab","name":1}`} {
		f.Add([]byte(seed))
	}
	d := newDecoder(func() any { return new(kitchenSink) })
	f.Fuzz(func(t *testing.T, config []byte) {
		var k kitchenSink
		err := d.into(config, &k)
		if err != nil {
			if ClassOf(err) != ClassInvalidConfig || err.Error() == "" {
				t.Errorf("got %v", err)
			}
			return
		}
		if n := len([]rune(k.Name)); n < 2 || n > 5 || k.Count < 1 || k.Count > 9 || len(k.Tags) > 2 || k.Mode != "" && k.Mode != "fast" && k.Mode != "safe" {
			t.Errorf("accepted %+v", k)
		}
	})
}
