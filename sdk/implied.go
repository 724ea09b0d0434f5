package sdk

import (
	"encoding/json"
	"slices"
)

// KeyPattern fits a config that has, in its outermost object, all keys that are Present
// here and none that are Absent. A key whose value is null is absent.
type KeyPattern struct {
	Present, Absent []string
}

// ImpliedBy has an action taken for steps that name none, when one of the patterns fits
// their config. Of several actions that fit, the connector's first is taken.
func ImpliedBy(patterns ...KeyPattern) ActionOption {
	return func(a *ActionInfo) { a.ImpliedBy = append(a.ImpliedBy, patterns...) }
}

// implied returns the action that a config means which names none.
func (a *Actions) implied(config json.RawMessage) *Action {
	var keys map[string]json.RawMessage // read when an action asks for them
	for i := range a.actions {
		for _, pattern := range a.actions[i].implied {
			if keys == nil && json.Unmarshal(config, &keys) != nil {
				return &a.actions[0] // it will say what is wrong with the config
			}
			if pattern.fits(keys) {
				return &a.actions[i]
			}
		}
	}
	return &a.actions[0]
}

func (p KeyPattern) fits(config map[string]json.RawMessage) bool {
	has := func(key string) bool {
		value, found := config[key]
		return found && string(value) != "null"
	}
	lacks := func(key string) bool { return !has(key) }
	return !slices.ContainsFunc(p.Present, lacks) && !slices.ContainsFunc(p.Absent, has)
}
