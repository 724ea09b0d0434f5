package pipefile

import (
	"context"
	"fmt"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// decoder reads one document.
type decoder struct {
	ctx context.Context
	*reporter
	options    Options
	schemas    *schemaCache
	connectors map[string]*core.ConnectorInfo // looked up in this document; nil is unknown
	// broken are the declarations that could not be read: references to what they
	// would have declared are let be.
	broken        map[string]bool
	artifactNames map[string]position
	// stageIndex and stepIndex are what is being read, -1 for none.
	stageIndex, stepIndex int
	uses                  []use
	inHook                *hookPlace // the hook that is being read, nil for none
	// evaluated are the places of texts whose expressions are evaluated.
	evaluated map[position]bool
}

func newDecoder(ctx context.Context, r *reporter, o Options, schemas *schemaCache) *decoder {
	return &decoder{ctx: ctx, reporter: r, options: o, schemas: schemas, connectors: map[string]*core.ConnectorInfo{},
		broken: map[string]bool{}, artifactNames: map[string]position{}, stageIndex: -1, stepIndex: -1, evaluated: map[position]bool{}}
}

// object is a mapping whose keys are known.
type object struct {
	*decoder
	v    *value
	what string // "a step", for messages
}

// object checks that v is a mapping with no keys but these. Nothing counts as the
// empty mapping.
func (d *decoder) object(v *value, what string, keys []string) (*object, bool) {
	o := &object{decoder: d, v: v, what: what}
	if v.kind == kindNull {
		return o, true
	}
	if v.kind != kindMap {
		d.error(v.at, fmt.Sprintf("%s must be a mapping, this is %s", what, v.describe()), "write key: value, one a line")
		return o, false
	}
	for _, e := range v.entries {
		if !contains(keys, e.key) {
			d.unknownKey(e, what, keys)
		}
	}
	return o, true
}

func contains(list []string, word string) bool {
	for _, s := range list {
		if s == word {
			return true
		}
	}
	return false
}

func (d *decoder) unknownKey(e entry, what string, keys []string) {
	if what == "a pipeline" && strings.HasPrefix(e.key, "x-") {
		return // A place for anchors.
	}
	message, suggestion := fmt.Sprintf("%s has no key %q", what, short(e.key)), suggest(e.key, keys, "known keys")
	if d.options.Strict {
		d.error(e.keyAt, message, suggestion)
	} else {
		d.warn(e.keyAt, message+", it is ignored", suggestion)
	}
}

// suggest names the nearest known word, or all where none is near.
func suggest(word string, known []string, noun string) string {
	if best := core.Nearest(word, known); best != "" {
		return "did you mean " + best + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return noun + ": " + strings.Join(known[:min(len(known), 20)], ", ")
}

// short cuts what a file says for a message.
func short(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}

// field returns the entry of a key, nil when it is missing or says nothing.
func (o *object) field(key string) *entry {
	for i := range o.v.entries {
		if e := &o.v.entries[i]; e.key == key {
			if e.value.kind == kindNull {
				return nil
			}
			return e
		}
	}
	return nil
}

// name returns a required name.
func (o *object) name() string {
	e := o.field("name")
	if e == nil {
		o.error(o.v.at, o.what+" has no name", "add name: …")
		return ""
	}
	name := o.text("name")
	switch {
	case e.value.kind >= kindList:
	case strings.TrimSpace(name) == "":
		o.error(e.value.at, "the name of "+o.what+" is empty", "give it a name")
	case len(name) > maxName:
		o.error(e.value.at, fmt.Sprintf("a name has at most %d bytes, this one has %d", maxName, len(name)), "shorten it")
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		o.error(e.value.at, "a name is one line without control characters", "put more words into description")
	}
	return name
}

// maxName is the longest name of a pipeline, stage or step in bytes.
const maxName = 200

// fieldPosition returns where a field's value is, or where the object begins.
func (v *value) fieldPosition(key string, item int) position {
	for i := range v.entries {
		e := &v.entries[i]
		if e.key != key {
			continue
		}
		if item >= 0 && item < len(e.value.list) {
			return e.value.list[item].at
		}
		return e.value.at
	}
	return v.at
}
