package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// raw is the document as it is written.
type raw struct {
	Info    Info
	Servers []struct {
		URL string `json:"url"`
	}
	Tags       []Tag
	Security   []json.RawMessage
	Paths      map[string]*rawPath
	Components struct {
		Parameters map[string]*rawParameter
		Responses  map[string]*Answer
		Headers    map[string]*Header
		Schemas    map[string]json.RawMessage
	}
}

type rawPath struct {
	Parameters                    []*rawParameter
	Get, Post, Put, Patch, Delete *rawOperation
}

func (p *rawPath) operations() map[string]*rawOperation {
	return map[string]*rawOperation{"GET": p.Get, "POST": p.Post, "PUT": p.Put, "PATCH": p.Patch, "DELETE": p.Delete}
}

type rawOperation struct {
	OperationID string `json:"operationId"`
	Tags        []string
	Summary     string
	Description string
	Security    *[]json.RawMessage
	AnyQuery    bool `json:"x-any-query"`
	Parameters  []*rawParameter
	RequestBody *struct {
		Required bool
		Content  map[string]Media
	} `json:"requestBody"`
	Responses map[string]*Answer
}

type rawParameter struct {
	Ref         string `json:"$ref"`
	Name        string
	In          string
	Description string
	Required    bool
	Schema      json.RawMessage
	Example     any
}

func (d *raw) operation(method, path string, item *rawPath, r *rawOperation) (*Operation, error) {
	if r.OperationID == "" || len(r.Tags) != 1 {
		return nil, errors.New("it needs an operationId and one tag")
	}
	security := d.Security
	if r.Security != nil {
		security = *r.Security
	}
	o := &Operation{ID: r.OperationID, Method: method, Path: path, Tag: r.Tags[0], Summary: r.Summary, Description: r.Description,
		Open: len(security) == 0, AnyQuery: r.AnyQuery, Answers: r.Responses}
	for _, list := range [][]*rawParameter{item.Parameters, r.Parameters} {
		for _, parameter := range list {
			p, err := d.parameter(parameter)
			if err != nil {
				return nil, err
			}
			o.Parameters = append(o.Parameters, p)
		}
	}
	if body := r.RequestBody; body != nil {
		o.Body = &Body{Required: body.Required, Content: body.Content}
		if media, is := body.Content["application/json"]; is {
			o.Body.check = sync.OnceValues(func() (*schema.Schema, error) { return d.compile(media.Schema) })
		}
	}
	for status, answer := range o.Answers {
		if name, is := strings.CutPrefix(answer.Ref, "#/components/responses/"); is {
			if o.Answers[status] = d.Components.Responses[name]; o.Answers[status] == nil {
				return nil, fmt.Errorf("there is no answer %s", answer.Ref)
			}
		} else if err := d.headers(answer); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (d *raw) parameter(r *rawParameter) (*Parameter, error) {
	if name, is := strings.CutPrefix(r.Ref, "#/components/parameters/"); is {
		if r = d.Components.Parameters[name]; r == nil {
			return nil, fmt.Errorf("there is no parameter %s", name)
		}
	}
	p := &Parameter{Name: r.Name, In: r.In, Description: r.Description, Required: r.Required, Schema: r.Schema, Example: r.Example}
	var err error
	if p.check, err = d.compile(r.Schema); err != nil {
		return nil, fmt.Errorf("parameter %s: %w", r.Name, err)
	}
	var kind struct{ Type string }
	_ = json.Unmarshal(r.Schema, &kind) // a list of types is no single kind
	p.kind = kind.Type
	return p, nil
}

// headers follows the references of an answer's headers.
func (d *raw) headers(a *Answer) error {
	for name, header := range a.Headers {
		reference, is := strings.CutPrefix(header.Ref, "#/components/headers/")
		if !is {
			continue
		}
		if a.Headers[name] = d.Components.Headers[reference]; a.Headers[name] == nil {
			return fmt.Errorf("there is no header %s", reference)
		}
	}
	return nil
}

const (
	shared  = "#/components/schemas/"
	defined = "#/$defs/"
)

// compile makes a schema by itself of one that refers to the document's.
func (d *raw) compile(text json.RawMessage) (*schema.Schema, error) {
	definitions := map[string]json.RawMessage{}
	d.collect(text, definitions)
	document := map[string]any{"allOf": []json.RawMessage{local(text)}}
	if len(definitions) > 0 {
		document["$defs"] = definitions
	} else {
		document = map[string]any{}
		if err := json.Unmarshal(text, &document); err != nil {
			return nil, err
		}
	}
	all, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return schema.Compile(all)
}

// collect adds every schema that a text refers to, and those that these do.
func (d *raw) collect(text json.RawMessage, into map[string]json.RawMessage) {
	for _, part := range strings.Split(string(text), `"`+shared)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if _, known := into[name]; known {
			continue
		}
		into[name] = local(d.Components.Schemas[name])
		d.collect(d.Components.Schemas[name], into)
	}
}

func local(text json.RawMessage) json.RawMessage {
	return json.RawMessage(strings.ReplaceAll(string(text), `"`+shared, `"`+defined))
}
