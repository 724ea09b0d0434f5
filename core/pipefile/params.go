package pipefile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// maxParams bounds the inputs of a pipeline: a person fills them in.
const maxParams = 200

var (
	paramKeys = []string{"type", "default", "choices", "description", "required", "pattern", "min", "max"}
	// nameForm is what params, axes and outputs are called: params.NAME.
	nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	// otherTypes are words that people use for a type.
	otherTypes = map[string]core.ParamType{"bool": core.ParamBoolean, "int": core.ParamNumber, "integer": core.ParamNumber, "float": core.ParamNumber,
		"text": core.ParamString, "str": core.ParamString, "enum": core.ParamChoice, "select": core.ParamChoice, "options": core.ParamChoice}
)

// params reads the inputs: a mapping of names, or a list of mappings with name.
func (o *object) params() []core.Param {
	e, other := o.field("params"), o.field("parameters")
	if e != nil && other != nil {
		o.error(other.keyAt, "params and parameters are the same, and both are here", "keep one of them")
	}
	if e == nil {
		e = other
	}
	if e == nil {
		return nil
	}
	before := o.errors
	var params []core.Param
	seen := map[string]bool{}
	add := func(at position, name string, read func() core.Param) {
		if !o.checkName(at, "a param", name) {
			return
		}
		if seen[name] {
			o.error(at, fmt.Sprintf("the param %s is here twice", short(name)), "keep one of them")
			return
		}
		seen[name] = true
		p := read()
		p.Name = name
		params = append(params, p)
	}
	switch e.value.kind {
	case kindMap:
		for _, p := range e.value.entries {
			add(p.keyAt, p.key, func() core.Param { return o.param(p.key, p.value, paramKeys) })
		}
	case kindList:
		for _, item := range e.value.list {
			if item.kind != kindMap || item.get("name") == nil {
				o.error(item.at, "an item of params is a mapping with a name, this is "+item.describe(), "write - name: …, or a mapping: NAME: default")
				continue
			}
			add(item.get("name").at, item.get("name").text, func() core.Param { return o.param(item.get("name").text, item, append([]string{"name"}, paramKeys...)) })
		}
	default:
		o.error(e.value.at, e.key+" must be a mapping, this is "+e.value.describe(), "write NAME: default, one a line")
	}
	if len(params) > maxParams {
		o.error(e.keyAt, fmt.Sprintf("the pipeline has %d params; %d is the most", len(params), maxParams), "read more from a file in a step")
	}
	if o.errors > before {
		o.broken["params"] = true
	}
	return params
}

func (d *decoder) checkName(at position, what, name string) bool {
	if nameForm.MatchString(name) && len(name) <= maxName {
		return true
	}
	d.error(at, fmt.Sprintf("%q cannot be the name of %s", short(name), what), "use letters, digits, _ and -, and begin with a letter or _")
	return false
}

// param reads one input. A scalar is its default, and says its type.
func (d *decoder) param(name string, v *value, keys []string) core.Param {
	if v.kind < kindList {
		p := core.Param{Type: typeOf(v)}
		if v.kind != kindNull {
			text := scalarText(v)
			p.Default = &text
		}
		return p
	}
	if v.kind == kindList {
		d.error(v.at, fmt.Sprintf("the param %s is a list", short(name)), "write {choices: [ … ]} to let one of these in")
		return core.Param{Type: core.ParamString}
	}
	o, _ := d.object(v, "a param", keys)
	p := core.Param{Description: o.text("description"), Required: o.flag("required"), Choices: o.choices(), Pattern: o.text("pattern"),
		Min: o.bound("min"), Max: o.bound("max")}
	p.Type = o.paramType(&p)
	if e := o.field("default"); e != nil && e.value.kind >= kindList {
		o.error(e.value.at, "default must be a single value, this is "+e.value.describe(), "")
	} else if e != nil {
		text := e.value.text
		if p.Type == core.ParamNumber || p.Type == core.ParamBoolean {
			text = scalarText(e.value)
		}
		p.Default = &text
	}
	o.checkParam(name, &p)
	return p
}

// typeOf guesses a type from how a value is written.
func typeOf(v *value) core.ParamType {
	switch v.kind {
	case kindBool:
		return core.ParamBoolean
	case kindNumber:
		return core.ParamNumber
	default:
		return core.ParamString
	}
}

// scalarText is the text of a scalar as the run sees it.
func scalarText(v *value) string {
	switch v.kind {
	case kindBool:
		return strings.ToLower(v.text)
	case kindNumber:
		n, _ := number(v.text)
		return n
	default:
		return v.text
	}
}

func (o *object) choices() []string {
	choices := o.texts("choices")
	e := o.field("choices")
	if e == nil {
		return nil
	}
	if len(choices) == 0 {
		o.error(e.value.at, "choices is empty", "list the values that are let in")
	}
	for i, choice := range choices {
		if contains(choices[:i], choice) {
			o.error(o.v.fieldPosition("choices", i), fmt.Sprintf("the choice %q is here twice", short(choice)), "remove one of them")
			break
		}
	}
	return choices
}

func (o *object) bound(key string) *float64 {
	e := o.field(key)
	if e == nil {
		return nil
	}
	if n, err := strconv.ParseFloat(scalarText(e.value), 64); err == nil && e.value.kind == kindNumber {
		return &n
	}
	o.error(e.value.at, fmt.Sprintf("%s must be a number, this is %s", key, e.value.describe()), "")
	return nil
}

// paramType returns the type that is written, or the one that follows from the
// other keys.
func (o *object) paramType(p *core.Param) core.ParamType {
	var known []string
	for _, t := range core.ParamTypes() {
		known = append(known, string(t))
	}
	written := o.field("type")
	fallback := o.field("default")
	switch {
	case written != nil && contains(known, written.value.text):
		return core.ParamType(written.value.text)
	case written != nil:
		suggestion := suggest(written.value.text, known, "types")
		if t, found := otherTypes[strings.ToLower(written.value.text)]; found {
			suggestion = "write " + string(t)
		}
		o.error(written.value.at, fmt.Sprintf("there is no type %s", written.value.describe()), suggestion)
		return core.ParamString
	case p.Choices != nil:
		return core.ParamChoice
	case p.Min != nil || p.Max != nil:
		return core.ParamNumber
	case p.Pattern == "" && fallback != nil:
		return typeOf(fallback.value)
	default:
		return core.ParamString
	}
}
