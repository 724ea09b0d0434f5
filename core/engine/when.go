package engine

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/patchbay-ci/patchbay/core"
)

// unmet returns why a stage or step does not run for this trigger, or "". What is not
// known holds: without a list of changes, all may have changed.
func unmet(w *core.When, trigger core.TriggerInfo) string {
	switch {
	case w == nil:
		return ""
	case len(w.Branches) > 0 && !matchesAny(w.Branches, trigger.Branch):
		return fmt.Sprintf("when: branch %q is none of %s", trigger.Branch, strings.Join(w.Branches, ", "))
	case len(w.Tags) > 0 && !matchesAny(w.Tags, trigger.Tag):
		return fmt.Sprintf("when: tag %q is none of %s", trigger.Tag, strings.Join(w.Tags, ", "))
	case len(w.Events) > 0 && !matchesAny(w.Events, string(trigger.Type)):
		return fmt.Sprintf("when: event %q is none of %s", trigger.Type, strings.Join(w.Events, ", "))
	case trigger.ChangedPaths == nil || len(w.Paths)+len(w.IgnorePaths) == 0:
		return ""
	}
	for _, path := range trigger.ChangedPaths {
		if (len(w.Paths) == 0 || matchesAny(w.Paths, path)) && !matchesAny(w.IgnorePaths, path) {
			return ""
		}
	}
	return fmt.Sprintf("when: none of the %d changed files is one that matters", len(trigger.ChangedPaths))
}

func matchesAny(globs []string, name string) bool {
	for _, glob := range globs {
		if matched, err := doublestar.Match(glob, name); err == nil && matched {
			return true
		}
	}
	return false
}
