package pipefile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// text returns a scalar as it is written; missing is "".
func (o *object) text(key string) string {
	e := o.field(key)
	if e == nil {
		return ""
	}
	if e.value.kind >= kindList {
		o.error(e.value.at, fmt.Sprintf("%s must be a text, this is %s", key, e.value.describe()), "")
		return ""
	}
	return e.value.text
}

// flag returns a boolean; missing is false.
func (o *object) flag(key string) bool {
	e := o.field(key)
	if e == nil {
		return false
	}
	switch strings.ToLower(e.value.text) {
	case "true":
		return true
	case "false":
		return false
	case "yes", "on", "1":
		o.error(e.value.at, fmt.Sprintf("%s must be true or false, this is %s", key, e.value.describe()), "write true")
	case "no", "off", "0":
		o.error(e.value.at, fmt.Sprintf("%s must be true or false, this is %s", key, e.value.describe()), "write false")
	default:
		o.error(e.value.at, fmt.Sprintf("%s must be true or false, this is %s", key, e.value.describe()), "")
	}
	return false
}

// maxRetries bounds retry_count: more is a loop, not a retry.
const maxRetries = 100

// retries returns retry_count; missing is nil.
func (o *object) retries() *int {
	e := o.field("retry_count")
	if e == nil {
		return nil
	}
	n, err := strconv.Atoi(e.value.text)
	if err != nil || n < 0 || n > maxRetries {
		o.error(e.value.at, fmt.Sprintf("retry_count must be a whole number from 0 to %d, this is %s", maxRetries, e.value.describe()), "")
		return nil
	}
	return &n
}

// timeout returns a duration; missing is 0.
func (o *object) timeout() core.Duration {
	e := o.field("timeout")
	if e == nil {
		return 0
	}
	if e.value.kind >= kindList {
		o.error(e.value.at, "timeout must be a duration, this is "+e.value.describe(), "write seconds (90) or a number with a unit (90s, 10m, 1h30m)")
		return 0
	}
	d, err := core.ParseDuration(e.value.text)
	if err != nil {
		o.error(e.value.at, "timeout: "+err.Error(), "")
	}
	return d
}

// texts returns a list of texts; a single text is a list of one, missing is nil,
// and an empty list is empty.
func (o *object) texts(key string) []string {
	e := o.field(key)
	if e == nil {
		return nil
	}
	if e.value.kind < kindList {
		return []string{e.value.text}
	}
	if e.value.kind == kindMap {
		o.error(e.value.at, fmt.Sprintf("%s must be a list of texts, this is a mapping", key), "write - item, one a line")
		return nil
	}
	list := make([]string, 0, len(e.value.list))
	for _, item := range e.value.list {
		if item.kind >= kindList || item.kind == kindNull {
			o.error(item.at, fmt.Sprintf("%s must be a list of texts, this is %s", key, item.describe()), "")
			continue
		}
		list = append(list, item.text)
	}
	return list
}

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
