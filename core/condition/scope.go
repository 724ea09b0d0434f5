package condition

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// scope is what a compiled expression runs in. The field tags are the names, the
// types are what expressions are checked against.
type scope struct {
	Branch     string                       `expr:"branch"`
	Tag        string                       `expr:"tag"`
	Event      string                       `expr:"event"`
	Commit     string                       `expr:"commit"`
	Repository string                       `expr:"repository"`
	Env        map[string]string            `expr:"env"`
	Params     map[string]string            `expr:"params"`
	Matrix     map[string]string            `expr:"matrix"`
	Secrets    map[string]string            `expr:"secrets"`
	Steps      map[string]map[string]string `expr:"steps"`

	Success   func() bool                     `expr:"success"`
	Failure   func() bool                     `expr:"failure"`
	Always    func() bool                     `expr:"always"`
	Cancelled func() bool                     `expr:"cancelled"`
	Hash      func(...string) (string, error) `expr:"hash"`

	// Only resolve can put these into an expression.
	Truth  func(string) bool                     `expr:"__truth"`
	Join   func(...string) (string, error)       `expr:"__join"`
	Number func(string, string) (float64, error) `expr:"__number"`
	Maybe  func(string) float64                  `expr:"__maybe"`
}

// The names that an expression may use: texts as they are, lookups as lookup.NAME,
// and steps.
var (
	texts         = []string{"branch", "tag", "event", "commit", "repository"}
	lookups       = []string{"env", "params", "matrix", "secrets"}
	statuses      = []string{"success", "failure", "always", "cancelled"}
	hashFunctions = []string{"hash", "hashFiles"}
	builtins      = []string{"lower", "upper", "trim", "len", "int", "float", "hasPrefix", "hasSuffix"}
)

func newScope(v Variables) *scope {
	hash := v.Hash
	if hash == nil {
		hash = func(...string) (string, error) {
			return "", errors.New("hash() cannot be used here: the files of a run are only known to its steps")
		}
	}
	return &scope{
		Branch: v.Branch, Tag: v.Tag, Event: v.Event, Commit: v.Commit, Repository: v.Repository,
		Env: v.Env, Params: v.Params, Matrix: v.Matrix, Secrets: v.Secrets, Steps: v.Outputs,
		Success:   func() bool { return !v.Failed && !v.Cancelled },
		Failure:   func() bool { return v.Failed },
		Always:    func() bool { return true },
		Cancelled: func() bool { return v.Cancelled },
		Hash:      hash,
		Truth:     truth,
		Join:      join,
		Number:    toNumber,
		Maybe:     maybeNumber,
	}
}

// truth is what a text counts as where true or false is wanted.
func truth(text string) bool { return strings.EqualFold(text, "true") || text == "1" }

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

var numberForm = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// parseNumber reads the numbers that people write in files, and none of the other
// things that strconv takes for one (inf, 0x1p4).
func parseNumber(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	if len(text) > 100 || !numberForm.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// toNumber is for where numbers are ordered; what names the text for the error.
func toNumber(text, what string) (float64, error) {
	n, ok := parseNumber(text)
	switch {
	case ok:
		return n, nil
	case text == "":
		return 0, fmt.Errorf("%s is empty, and a number is wanted", what)
	default:
		return 0, fmt.Errorf("%s is a text that is no number", what)
	}
}

// maybeNumber is for == and !=: NaN equals nothing.
func maybeNumber(text string) float64 {
	if n, ok := parseNumber(text); ok {
		return n
	}
	return math.NaN()
}
