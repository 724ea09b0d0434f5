package pipefile

import (
	"errors"
	"strings"

	"github.com/patchbay-ci/patchbay/core/condition"
)

// usage is what a text with expressions is for; it decides what they may use.
type usage uint8

const (
	inCondition usage = iota
	inConfig
	inScript
	inEnvironment
	inFiles      // names and paths of artifacts and caches
	inGroup      // of concurrency
	inMessage    // of notifications
	inCredential // of notifications
)

// use is an expression, or a text with some, that has been read. What it refers to
// is checked when the whole document is known.
type use struct {
	value *value
	// shift is where the text begins within the value's.
	shift int
	usage usage
	// stage and step are where it is, -1 for outside of any.
	stage, step int
	hook        *hookPlace // that it is in, nil for none
	references  []condition.Reference
}

// at is the place of a reference in the file.
func (d *decoder) at(u *use, r condition.Reference) position {
	return d.within(u.value, u.shift+r.Offset)
}

// condition returns the checked condition of a stage or step.
func (o *object) condition() string {
	source := o.text("condition")
	if source == "" {
		return ""
	}
	v := o.field("condition").value
	parsed, err := condition.Parse(source)
	if err != nil {
		o.syntaxError(v, 0, err)
		return source
	}
	o.used(v, 0, inCondition, parsed.References())
	return source
}

// template checks the text of a value from shift on, where expressions are
// evaluated.
func (d *decoder) template(v *value, shift int, usage usage) {
	if v.kind != kindString || !strings.Contains(v.text[shift:], "${{") {
		return
	}
	parsed, err := condition.ParseTemplate(v.text[shift:])
	if err != nil {
		d.syntaxError(v, shift, err)
		return
	}
	d.used(v, shift, usage, parsed.References())
}

// templates checks all texts of a list.
func (o *object) templates(key string, usage usage) {
	e := o.field(key)
	if e == nil {
		return
	}
	o.template(e.value, 0, usage)
	for _, item := range e.value.list {
		o.template(item, 0, usage)
	}
}

// used notes what an expression refers to.
func (d *decoder) used(v *value, shift int, usage usage, references []condition.Reference) {
	d.evaluated[v.at] = true
	if len(references) > 0 {
		d.uses = append(d.uses, use{value: v, shift: shift, usage: usage, stage: d.stageIndex, step: d.stepIndex, hook: d.inHook, references: references})
	}
}

func (d *decoder) syntaxError(v *value, shift int, err error) {
	d.evaluated[v.at] = true
	var syntax *condition.SyntaxError
	if errors.As(err, &syntax) {
		d.error(d.within(v, shift+syntax.Offset), syntax.Message, syntax.Suggestion)
	} else {
		d.error(v.at, err.Error(), "")
	}
}

// programKeys are the config keys whose text is a program: the engine lets only
// harmless values into it.
var programKeys = []string{"command", "script"}

// configTemplates checks all texts of a step's config.
func (d *decoder) configTemplates(config *value) {
	for _, e := range config.entries {
		usage := inConfig
		if contains(programKeys, e.key) {
			usage = inScript
		}
		d.walkTexts(e.value, func(v *value) { d.template(v, 0, usage) })
	}
}

// walkTexts calls visit with every text in v. The weight of a document bounds it.
func (d *decoder) walkTexts(v *value, visit func(*value)) {
	switch v.kind {
	case kindString:
		visit(v)
	case kindList:
		for _, item := range v.list {
			d.walkTexts(item, visit)
		}
	case kindMap:
		for _, e := range v.entries {
			d.walkTexts(e.value, visit)
		}
	}
}

// unevaluated are the keys where ${{ is known to be text.
var unevaluated = []string{"description", "triggers"}

// warnUnevaluated tells of ${{ }} where nobody evaluates it.
func (d *decoder) warnUnevaluated(document *value) {
	for _, e := range document.entries {
		if contains(unevaluated, e.key) || strings.HasPrefix(e.key, "x-") {
			continue
		}
		d.walkTexts(e.value, func(v *value) {
			if at := strings.Index(v.text, "${{"); at >= 0 && !d.evaluated[v.at] {
				d.warn(d.within(v, at), "${{ is not evaluated here: it stays as it is written",
					"expressions are for config, environment, artifacts, the keys of cache, the group of concurrency and notifications")
			}
		})
	}
}
