package pipefile

import (
	"fmt"
	"strings"
)

// environment returns a mapping, or a list of K=V, with values as they are
// written; nothing is the empty text.
func (o *object) environment() map[string]string {
	const key = "environment"
	e := o.field(key)
	if e == nil {
		return nil
	}
	env := make(map[string]string, len(e.value.entries)+len(e.value.list))
	switch e.value.kind {
	case kindMap:
		for _, variable := range e.value.entries {
			v := variable.value
			if v.kind >= kindList {
				o.error(v.at, fmt.Sprintf("the value of %s must be a text, this is %s", short(variable.key), v.describe()), "quote it")
				continue
			}
			if o.variableName(variable.keyAt, variable.key) {
				env[variable.key] = v.environmentText()
				o.template(v, 0, inEnvironment)
			}
		}
	case kindList:
		for _, item := range e.value.list {
			name, text, found := strings.Cut(item.text, "=")
			if item.kind >= kindList || !found {
				o.error(item.at, "a list under environment has items NAME=value, this is "+item.describe(), "write a mapping: NAME: value")
				continue
			}
			if o.variableName(item.at, name) {
				env[name] = text
				o.template(item, len(name)+1, inEnvironment)
			}
		}
	default:
		o.error(e.value.at, "environment must be a mapping or a list of NAME=value, this is "+e.value.describe(), "write NAME: value, one a line")
		return nil
	}
	return env
}

func (v *value) environmentText() string {
	if v.kind == kindNull {
		return ""
	}
	return v.text
}

func (o *object) variableName(at position, name string) bool {
	if name == "" || strings.ContainsAny(name, "=\x00\n") {
		o.error(at, fmt.Sprintf("%q cannot be the name of a variable", short(name)), "use letters, digits and _")
		return false
	}
	return true
}
