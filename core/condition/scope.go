package condition

import (
	"errors"
	"strings"
)

// scope is what a compiled condition runs in. The field tags are the names, the
// types are what conditions are checked against.
type scope struct {
	Branch     string                       `expr:"branch"`
	Tag        string                       `expr:"tag"`
	Event      string                       `expr:"event"`
	Commit     string                       `expr:"commit"`
	Repository string                       `expr:"repository"`
	Env        map[string]string            `expr:"env"`
	Steps      map[string]map[string]string `expr:"steps"`

	Success   func() bool `expr:"success"`
	Failure   func() bool `expr:"failure"`
	Always    func() bool `expr:"always"`
	Cancelled func() bool `expr:"cancelled"`

	// Only resolve can put these into an expression.
	Truth func(string) bool               `expr:"__truth"`
	Join  func(...string) (string, error) `expr:"__join"`
}

// texts and functions are the names a condition may use, besides env and steps.
var (
	texts     = []string{"branch", "tag", "event", "commit", "repository"}
	functions = []string{"success", "failure", "always", "cancelled"}
	builtins  = []string{"lower", "upper", "trim", "len", "int", "float", "hasPrefix", "hasSuffix"}
)

func newScope(v Variables) *scope {
	return &scope{
		Branch: v.Branch, Tag: v.Tag, Event: v.Event, Commit: v.Commit, Repository: v.Repository,
		Env: v.Env, Steps: v.Outputs,
		Success:   func() bool { return !v.Failed && !v.Cancelled },
		Failure:   func() bool { return v.Failed },
		Always:    func() bool { return true },
		Cancelled: func() bool { return v.Cancelled },
		Truth:     truth,
		Join:      join,
	}
}

// truth is what a variable counts as where true or false is wanted.
func truth(text string) bool { return text == "true" || text == "1" }

// join puts an interpolated text together.
func join(parts ...string) (string, error) {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	if size > maxInterpole {
		return "", errors.New("the text gets too long")
	}
	return strings.Join(parts, ""), nil
}
