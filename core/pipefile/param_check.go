package pipefile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// maxPattern is the longest pattern of a param in bytes.
const maxPattern = 1000

// checkParam checks the keys of an input against its type, and its default against
// all of them.
func (o *object) checkParam(name string, p *core.Param) {
	if o.wrongKeys(name, p.Type) {
		return
	}
	if p.Type == core.ParamChoice && p.Choices == nil {
		o.error(o.v.at, fmt.Sprintf("the param %s is of type choice and has no choices", short(name)), "add choices: [ … ]")
		return
	}
	if p.Min != nil && p.Max != nil && *p.Min > *p.Max {
		o.error(o.field("min").value.at, "min is greater than max", "exchange them")
		return
	}
	pattern := o.pattern(p)
	e := o.field("default")
	if p.Default == nil || e == nil {
		return
	}
	if problem, suggestion := unfit(p, pattern, *p.Default); problem != "" {
		o.error(e.value.at, fmt.Sprintf("default: %s %s", e.value.describe(), problem), suggestion)
		return
	}
	if p.Type == core.ParamBoolean {
		*p.Default = strings.ToLower(*p.Default)
	}
	if p.Required {
		o.warn(o.field("required").keyAt, fmt.Sprintf("the param %s has a default, so that it is required means nothing", short(name)), "remove one of them")
	}
}

// keyTypes are the keys that only params of one type have.
var keyTypes = []struct {
	key  string
	want core.ParamType
}{{"choices", core.ParamChoice}, {"pattern", core.ParamString}, {"min", core.ParamNumber}, {"max", core.ParamNumber}}

func (o *object) wrongKeys(name string, is core.ParamType) bool {
	for _, k := range keyTypes {
		if e := o.field(k.key); e != nil && is != k.want {
			o.error(e.keyAt, fmt.Sprintf("%s is for params of type %s, and %s is of type %s", k.key, k.want, short(name), is), "remove it, or change the type")
			return true
		}
	}
	return false
}

// pattern returns the compiled pattern, nil for none or a wrong one.
func (o *object) pattern(p *core.Param) *regexp.Regexp {
	if p.Pattern == "" {
		return nil
	}
	e := o.field("pattern")
	if len(p.Pattern) > maxPattern {
		o.error(e.value.at, fmt.Sprintf("the pattern has %d bytes; %d is the most", len(p.Pattern), maxPattern), "check the rest in a step")
		return nil
	}
	// Alone first, so that the error is about what is written.
	if _, err := regexp.Compile(p.Pattern); err != nil {
		o.error(e.value.at, "the pattern is no regular expression (RE2): "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), "")
		return nil
	}
	whole, err := regexp.Compile(`^(?:` + p.Pattern + `)$`)
	if err != nil {
		o.error(e.value.at, "the pattern is no regular expression (RE2)", "")
		return nil
	}
	return whole
}

// unfit says why a value is not let in, or "".
func unfit(p *core.Param, pattern *regexp.Regexp, text string) (problem, suggestion string) {
	switch p.Type {
	case core.ParamChoice:
		if !contains(p.Choices, text) {
			return "is none of the choices", suggest(text, p.Choices, "choices")
		}
	case core.ParamBoolean:
		if !strings.EqualFold(text, "true") && !strings.EqualFold(text, "false") {
			return "is not true or false", ""
		}
	case core.ParamNumber:
		normal, ok := number(text)
		n, err := strconv.ParseFloat(normal, 64)
		switch {
		case !ok || err != nil:
			return "is no number", ""
		case p.Min != nil && n < *p.Min:
			return fmt.Sprintf("is less than min, %v", *p.Min), ""
		case p.Max != nil && n > *p.Max:
			return fmt.Sprintf("is more than max, %v", *p.Max), ""
		}
	default:
		if pattern != nil && !pattern.MatchString(text) {
			return "does not match the pattern " + short(p.Pattern), "the whole text must match"
		}
	}
	return "", ""
}
