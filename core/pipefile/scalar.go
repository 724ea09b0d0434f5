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
func (o *object) retries() *int { return o.integer("retry_count", 0, maxRetries) }

// integer returns a whole number within bounds; missing is nil.
func (o *object) integer(key string, least, most int) *int {
	e := o.field(key)
	if e == nil {
		return nil
	}
	n, err := strconv.Atoi(e.value.text)
	if e.value.kind >= kindList || err != nil || n < least || n > most {
		o.error(e.value.at, fmt.Sprintf("%s must be a whole number from %d to %d, this is %s", key, least, most, e.value.describe()), "")
		return nil
	}
	return &n
}

// number is integer with 0 for missing.
func (o *object) number(key string, least, most int) int {
	if n := o.integer(key, least, most); n != nil {
		return *n
	}
	return 0
}

// timeout returns a duration; missing is 0.
func (o *object) timeout() core.Duration { return o.duration("timeout") }

func (o *object) duration(key string) core.Duration {
	e := o.field(key)
	if e == nil {
		return 0
	}
	if e.value.kind >= kindList {
		o.error(e.value.at, key+" must be a duration, this is "+e.value.describe(), "write seconds (90) or a number with a unit (90s, 10m, 1h30m)")
		return 0
	}
	d, err := core.ParseDuration(e.value.text)
	if err != nil {
		o.error(e.value.at, key+": "+err.Error(), "")
	}
	return d
}

// oneOf returns a word of a list; missing is "".
func (o *object) oneOf(key string, known ...string) string {
	word := o.text(key)
	if e := o.field(key); e != nil && e.value.kind < kindList && !contains(known, word) {
		o.error(e.value.at, fmt.Sprintf("%s is one of %s, not %s", key, strings.Join(known, ", "), e.value.describe()), suggest(word, known, "known"))
	}
	return word
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
