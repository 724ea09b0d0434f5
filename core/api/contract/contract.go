// Package contract reads an OpenAPI 3.1 document of ours into what the server needs of
// it: operations to check requests by, and to show as a page. It is no general reader:
// it knows the parts of OpenAPI that the document uses. The general one takes longer to
// be imported than the server to start, so only tests use it.
package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// Contract is a document with its references followed. It is read-only after Parse,
// and so safe for concurrent use.
type Contract struct {
	Info Info
	// Base is the path of the server below which the operations are.
	Base string
	Tags []Tag
	// Operations are in the order of their tags, paths and methods.
	Operations []*Operation
	// Answers are the shared answers by name, errors above all.
	Answers map[string]*Answer
	// Schemas are the shared schemas as they are written.
	Schemas map[string]json.RawMessage

	byRoute map[string]*Operation
}

// Info is what the document says of itself.
type Info struct{ Title, Version, Description string }

// Tag is a group of operations.
type Tag struct{ Name, Description string }

// Operation is one method of one path.
type Operation struct {
	ID, Method, Path     string
	Tag                  string
	Summary, Description string
	// Open operations need no identity.
	Open bool
	// AnyQuery says that parameters the document does not name are for others to read.
	AnyQuery   bool
	Parameters []*Parameter
	Body       *Body
	// Answers are by status, "default" for all others.
	Answers map[string]*Answer
}

// Parameter is a part of a path, of the query, or a header.
type Parameter struct {
	Name, In, Description string
	Required              bool
	Schema                json.RawMessage
	Example               any

	check *schema.Schema
	kind  string
}

// Body is what a request may carry.
type Body struct {
	Required bool
	Content  map[string]Media

	check func() (*schema.Schema, error)
}

// Media is one form of a body.
type Media struct {
	Schema  json.RawMessage `json:"schema"`
	Example json.RawMessage `json:"example"`
}

// Answer is what an operation can answer with one status.
type Answer struct {
	// Name is that of the shared answer; empty for one of an operation's own.
	Name        string             `json:"-"`
	Description string             `json:"description"`
	Headers     map[string]*Header `json:"headers"`
	Content     map[string]Media   `json:"content"`
	// Of errors: the status, the family, and what to do.
	Status int    `json:"x-status"`
	Family string `json:"x-family"`
	Remedy string `json:"x-remedy"`
	Ref    string `json:"$ref"`
}

// Header is a header of an answer.
type Header struct {
	Description string `json:"description"`
	Ref         string `json:"$ref"`
}

// Parse reads a document in JSON.
func Parse(document []byte) (*Contract, error) {
	var d raw
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	if len(d.Servers) != 1 {
		return nil, fmt.Errorf("read the contract: it has %d servers, not one", len(d.Servers))
	}
	c := &Contract{Info: d.Info, Base: d.Servers[0].URL, Tags: d.Tags, Answers: d.Components.Responses, Schemas: d.Components.Schemas,
		byRoute: map[string]*Operation{}}
	for name, answer := range c.Answers {
		answer.Name = name
		if err := d.headers(answer); err != nil {
			return nil, err
		}
	}
	for path, item := range d.Paths {
		for method, operation := range item.operations() {
			if operation == nil {
				continue
			}
			o, err := d.operation(method, path, item, operation)
			if err != nil {
				return nil, fmt.Errorf("read the contract: %s %s: %w", method, path, err)
			}
			c.Operations = append(c.Operations, o)
			c.byRoute[method+" "+c.Base+path] = o
		}
	}
	slices.SortFunc(c.Operations, c.compare)
	return c, nil
}

// methods in the order in which operations of a path are shown.
var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}

func (c *Contract) compare(a, b *Operation) int {
	tag := func(o *Operation) int { return slices.IndexFunc(c.Tags, func(t Tag) bool { return t.Name == o.Tag }) }
	switch {
	case a.Tag != b.Tag:
		return tag(a) - tag(b)
	case a.Path != b.Path:
		return strings.Compare(a.Path, b.Path)
	}
	return slices.Index(methods, a.Method) - slices.Index(methods, b.Method)
}

// Find returns the operation of a method and a path with its parameters' names in
// braces, the base included, or nil.
func (c *Contract) Find(method, path string) *Operation { return c.byRoute[method+" "+path] }

// ByID returns an operation, or nil.
func (c *Contract) ByID(id string) *Operation {
	for _, o := range c.Operations {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// Takes reports whether an operation has a parameter.
func (o *Operation) Takes(in, name string) bool {
	return slices.ContainsFunc(o.Parameters, func(p *Parameter) bool { return p.In == in && strings.EqualFold(p.Name, name) })
}

// Types lists the media types that a body may be of, in order.
func (b *Body) Types() []string { return slices.Sorted(maps.Keys(b.Content)) }

// TakesMedia reports whether a body may be of a media type.
func (b *Body) TakesMedia(kind string) bool {
	area, _, _ := strings.Cut(kind, "/")
	for _, known := range []string{kind, area + "/*", "*/*"} {
		if _, is := b.Content[known]; is {
			return true
		}
	}
	return false
}
