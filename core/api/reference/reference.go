// Package reference shows the API's contract as one page: to be read, searched and
// printed. The page loads nothing but its own style and script from the same server.
package reference

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core/api/contract"
)

//go:embed page.gohtml reference.css reference.js
var files embed.FS

// Policy is the content security policy that the page needs (CSP Level 3).
const Policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Asset returns a file that the page loads, and its media type; ok is false when there
// is none of that name.
func Asset(name string) (content []byte, kind string, ok bool) {
	kinds := map[string]string{"reference.css": "text/css; charset=utf-8", "reference.js": "text/javascript; charset=utf-8"}
	if kind, ok = kinds[name]; !ok {
		return nil, "", false
	}
	content, err := files.ReadFile(name)
	return content, kind, err == nil
}

// Page renders a contract.
func Page(c *contract.Contract, version string) ([]byte, error) {
	page, err := template.New("page.gohtml").Funcs(template.FuncMap{"text": inline, "json": pretty}).ParseFS(files, "page.gohtml")
	if err != nil {
		return nil, fmt.Errorf("read the template of the reference: %w", err)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, newView(c, version)); err != nil {
		return nil, fmt.Errorf("render the reference: %w", err)
	}
	return b.Bytes(), nil
}

// view is what the template shows.
type view struct {
	*contract.Contract
	Version string
	Groups  []group
	Errors  []*contract.Answer
	Types   []shape
}

type group struct {
	contract.Tag
	Operations []operation
}

// operation is one with its answers in order, the good ones apart from the errors.
type operation struct {
	*contract.Operation
	FullPath string
	Fields   []field
	Bodies   []body
	Good     []answer
	Bad      []*contract.Answer
}

type body struct {
	Kind    string
	Type    template.HTML
	Example json.RawMessage
}

type answer struct {
	Status string
	*contract.Answer
	Bodies  []body
	Headers []string
}

func newView(c *contract.Contract, version string) view {
	v := view{Contract: c, Version: version}
	for _, tag := range c.Tags {
		g := group{Tag: tag}
		for _, o := range c.Operations {
			if o.Tag == tag.Name {
				g.Operations = append(g.Operations, newOperation(c, o))
			}
		}
		if len(g.Operations) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	for _, a := range c.Answers {
		if a.Status > 0 {
			v.Errors = append(v.Errors, a)
		}
	}
	slices.SortFunc(v.Errors, func(a, b *contract.Answer) int { return a.Status - b.Status })
	for _, name := range slices.Sorted(maps.Keys(c.Schemas)) {
		v.Types = append(v.Types, newShape(name, c.Schemas[name]))
	}
	return v
}

func newOperation(c *contract.Contract, o *contract.Operation) operation {
	out := operation{Operation: o, FullPath: c.Base + o.Path}
	for _, p := range o.Parameters {
		s := read(p.Schema)
		out.Fields = append(out.Fields, field{Name: p.Name, Where: p.In, Required: p.Required, Type: s.kind(), Notes: s.notes(), Text: p.Description})
	}
	if o.Body != nil {
		out.Bodies = bodies(o.Body.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(o.Answers)) {
		a := o.Answers[status]
		if code, err := strconv.Atoi(status); err != nil || a.Status == code {
			if a.Status > 0 {
				out.Bad = append(out.Bad, a)
			}
			continue
		}
		out.Good = append(out.Good, answer{Status: status, Answer: a, Bodies: bodies(a.Content), Headers: slices.Sorted(maps.Keys(a.Headers))})
	}
	return out
}

func bodies(content map[string]contract.Media) []body {
	var list []body
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		list = append(list, body{Kind: kind, Type: read(content[kind].Schema).kind(), Example: content[kind].Example})
	}
	return list
}

// inline makes HTML of the little markup that descriptions have: `code`.
func inline(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		escaped := template.HTMLEscapeString(part)
		if i%2 == 1 {
			escaped = "<code>" + escaped + "</code>"
		}
		b.WriteString(escaped)
	}
	return template.HTML(b.String())
}

func pretty(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}
