package pipefile

import (
	"fmt"
	"regexp"

	"github.com/patchbay-ci/patchbay/core"
)

// outputs reads what a step gives to later ones: names, or names and what they are.
func (o *object) outputs() []core.OutputSpec {
	e := o.field("outputs")
	if e == nil {
		return nil
	}
	var list []core.OutputSpec
	if e.value.kind == kindMap {
		for _, output := range e.value.entries {
			if output.value.kind >= kindList {
				o.error(output.value.at, fmt.Sprintf("the description of output %s must be a text, this is %s", short(output.key), output.value.describe()), "")
				continue
			}
			if o.checkName(output.keyAt, "an output", output.key) {
				list = append(list, core.OutputSpec{Name: output.key, Description: output.value.environmentText()})
			}
		}
		return list
	}
	var names []string
	for i, name := range o.texts("outputs") {
		at := o.v.fieldPosition("outputs", i)
		if contains(names, name) {
			o.error(at, fmt.Sprintf("the output %s is here twice", short(name)), "keep one of them")
		} else if o.checkName(at, "an output", name) {
			names = append(names, name)
			list = append(list, core.OutputSpec{Name: name})
		}
	}
	return list
}

// secretForm: a step gets a secret as a variable of the same name.
var secretForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secrets reads the names of those that a step gets.
func (o *object) secrets() []string {
	names := o.texts("secrets")
	for i, name := range names {
		at := o.v.fieldPosition("secrets", i)
		if !secretForm.MatchString(name) || len(name) > maxName {
			o.error(at, fmt.Sprintf("%q cannot be the name of a secret", short(name)), "use letters, digits and _: the step gets it as a variable of this name")
		} else if contains(names[:i], name) {
			o.error(at, fmt.Sprintf("the secret %s is here twice", short(name)), "keep one of them")
		}
	}
	return names
}
