package pipefile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/sdk/schema"
)

// reportConfig reports a problem of a step's config at its place in the file: the
// key, the value, or what should have it.
func (d *decoder) reportConfig(w *work, step string, problem schema.Problem) {
	path := splitPointer(problem.Pointer)
	at := w.config.place(path, problem.Key, w.configAt)
	d.error(at, describeProblem(step, path, problem), problem.Suggestion)
}

// place is where a path leads to, or the last place on the way that is there. With key,
// it is that of the last key and not of its value.
func (v *value) place(path []string, key bool, at position) position {
	for i, part := range path {
		if key && i == len(path)-1 {
			return v.keyAt(part, at)
		}
		next, nextAt := v.child(part)
		if next == nil {
			break
		}
		v, at = next, nextAt
	}
	return at
}

// describeProblem names the step or the key before what is wrong with it.
func describeProblem(step string, path []string, problem schema.Problem) string {
	if problem.Key {
		path = path[:len(path)-1]
	}
	if len(path) == 0 {
		return fmt.Sprintf("config of %s: %s", step, problem.Message)
	}
	return strings.Join(path, ".") + ": " + problem.Message
}

// splitPointer takes a JSON Pointer (RFC 6901) apart.
func splitPointer(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(pointer[1:], "/")
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for i := range parts {
		parts[i] = unescape.Replace(parts[i])
	}
	return parts
}

// keyAt returns where a mapping has a key, or otherwise.
func (v *value) keyAt(key string, otherwise position) position {
	for i := range v.entries {
		if v.entries[i].key == key {
			return v.entries[i].keyAt
		}
	}
	return otherwise
}

// child returns the member of a mapping or list, and where it is.
func (v *value) child(part string) (*value, position) {
	if v.kind == kindList {
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(v.list) {
			return v.list[i], v.list[i].at
		}
		return nil, position{}
	}
	if child := v.get(part); child != nil {
		return child, child.at
	}
	return nil, position{}
}
