package contract

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/patchbay-ci/patchbay/core"
)

func parsed(t testing.TB) *Contract {
	t.Helper()
	document, err := os.ReadFile("../openapi.gen.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every schema of a body can be checked by, and takes its own example.
func TestBodiesAreChecked(t *testing.T) {
	t.Parallel()
	for _, o := range parsed(t).Operations {
		if o.Body == nil {
			continue
		}
		if _, err := o.Body.Schema(); err != nil {
			t.Errorf("%s: %v", o.ID, err)
		}
		media, is := o.Body.Content["application/json"]
		if !is {
			continue
		}
		decoder := json.NewDecoder(strings.NewReader(string(media.Example)))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			t.Errorf("%s: its example: %v", o.ID, err)
		} else if err := o.CheckBody(value); err != nil {
			t.Errorf("%s: its example is refused: %v", o.ID, err)
		}
	}
}

// Errors in the contract's table have all that a reader needs.
func TestErrorsAreExplained(t *testing.T) {
	t.Parallel()
	for name, a := range parsed(t).Answers {
		if name == "Problem" {
			continue
		}
		if a.Status < 400 || a.Family == "" || a.Remedy == "" || a.Description == "" || len(a.Content["application/json"].Example) == 0 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestCheckParameters(t *testing.T) {
	t.Parallel()
	c := parsed(t)
	list, drain, get := c.ByID("listExecutions"), c.ByID("drainQueue"), c.ByID("getPipeline")
	logs, trigger := c.ByID("getLogs"), c.ByID("triggerPipeline")
	id := map[string]string{"id": "x"}
	for name, test := range map[string]struct {
		o      *Operation
		path   map[string]string
		query  string
		header http.Header
		want   string // empty for good
	}{
		"none":              {list, nil, "", nil, ""},
		"all":               {list, nil, "limit=500&after=x&status=failed&pipeline_id=p", nil, ""},
		"misspelt":          {list, nil, "limt=1", nil, "did you mean limit?"},
		"another":           {get, id, "limit=1", nil, "has no parameters"},
		"twice":             {list, nil, "limit=1&limit=2", nil, "more than once"},
		"no number":         {list, nil, "limit=ten", nil, "whole number"},
		"a fraction":        {list, nil, "limit=1.5", nil, "whole number"},
		"a sign":            {list, nil, "limit=%2B1", nil, "whole number"},
		"text in quotes":    {list, nil, `limit="1"`, nil, "whole number"},
		"empty":             {list, nil, "limit=", nil, "whole number"},
		"too small":         {list, nil, "limit=0", nil, "at least 1"},
		"too large":         {drain, nil, "timeout=3601", nil, "at most 3600"},
		"far too large":     {list, nil, "limit=99999999999999999999999", nil, "at most 500"},
		"no such word":      {list, nil, "status=sucess", nil, "success"},
		"too long":          {list, nil, "after=" + strings.Repeat("x", 300), nil, "at most 256 characters"},
		"a boolean":         {logs, id, "follow=true", nil, ""},
		"no boolean":        {logs, id, "follow=yes", nil, "true or false"},
		"NUL":               {list, nil, "after=%00", nil, "not text"},
		"no UTF-8":          {list, nil, "after=%ff", nil, "not text"},
		"a long path":       {get, map[string]string{"id": strings.Repeat("x", 129)}, "", nil, "at most 128"},
		"a key":             {trigger, id, "", http.Header{"Idempotency-Key": {"k"}}, ""},
		"an empty key":      {trigger, id, "", http.Header{"Idempotency-Key": {""}}, "must not be empty"},
		"a key with spaces": {trigger, id, "", http.Header{"Idempotency-Key": {"a b"}}, "pattern"},
		"anybody's header":  {trigger, id, "", http.Header{"X-Anything": {"\xff"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			query, err := url.ParseQuery(test.query)
			if err != nil {
				t.Fatal(err)
			}
			err = test.o.CheckParameters(test.path, query, test.header)
			if (err == nil) != (test.want == "") {
				t.Fatalf("%v", err)
			}
			if err == nil {
				return
			}
			e, is := err.(*core.Error)
			if !is || e.Code != core.CodeInvalid || !strings.Contains(e.Message+e.Details+strings.Join(e.Suggestions, ""), test.want) {
				t.Errorf("%+v", err)
			}
		})
	}
}

func FuzzCheckParameters(f *testing.F) {
	f.Add("limit=1&status=failed", "x")
	f.Add("limit=%00", "")
	c := parsed(f)
	f.Fuzz(func(t *testing.T, query, id string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for _, name := range []string{"listExecutions", "getLogs", "drainQueue", "diffVersion"} {
			err := c.ByID(name).CheckParameters(map[string]string{"id": id, "number": id}, values, http.Header{"Last-Event-Id": {query}})
			if err != nil && (core.CodeOf(err) != core.CodeInvalid || len(err.Error()) > 1000) {
				t.Errorf("%.2000v", err)
			}
		}
	})
}

func TestDocumentsThatAreNoGood(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"", "{", `{"servers":[]}`, `{"servers":[{"url":"/"}],"paths":{"/":{"get":{}}}}`,
		`{"servers":[{"url":"/"}],"paths":{"/":{"get":{"operationId":"a","tags":["b"],"parameters":[{"$ref":"#/components/parameters/none"}]}}}}`,
		`{"servers":[{"url":"/"}],"paths":{"/":{"get":{"operationId":"a","tags":["b"],"responses":{"200":{"$ref":"#/components/responses/none"}}}}}}`} {
		if _, err := Parse([]byte(document)); err == nil {
			t.Errorf("%s is taken", document)
		}
	}
}
