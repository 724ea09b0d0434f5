package trigger

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
)

// maxParam is the longest value of a parameter in bytes.
const maxParam = 64 << 10

// Params checks the values given for declared parameters and completes them: every
// declared one has a value, its default or "" when none is given and none required.
// Booleans become true or false; everything else stays as it is written.
func Params(declared []core.Param, given map[string]string) (map[string]string, error) {
	names := make([]string, 0, len(declared))
	for _, p := range declared {
		names = append(names, p.Name)
	}
	for name := range given {
		if !slices.Contains(names, name) {
			return nil, unknownParam(name, names)
		}
	}
	if len(declared) == 0 {
		return nil, nil
	}
	values := make(map[string]string, len(declared))
	for i := range declared {
		p := &declared[i]
		value, there := given[p.Name]
		switch {
		case there:
			checked, err := checkParam(p, value)
			if err != nil {
				return nil, err
			}
			value = checked
		case p.Default != nil:
			value = *p.Default
			if p.Type == core.ParamBoolean {
				value = normalBoolean(value)
			}
		case p.Required:
			return nil, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("parameter %s has no value, and needs one", p.Name),
				Details: p.Description, Suggestions: []string{"give params: {" + p.Name + ": …}"}}
		}
		values[p.Name] = value
	}
	return values, nil
}

func unknownParam(name string, known []string) error {
	e := core.Errorf(core.CodeInvalid, "the pipeline has no parameter %q", name)
	switch near := core.Nearest(name, known); {
	case near != "":
		e.Suggestions = []string{"did you mean " + near + "?"}
	case len(known) > 0:
		e.Suggestions = []string{"its parameters: " + strings.Join(known, ", ")}
	default:
		e.Suggestions = []string{"it takes none; declare them under params"}
	}
	return e
}

// number is what JSON takes for one (RFC 8259).
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func checkParam(p *core.Param, value string) (string, error) {
	wrong := func(format string, args ...any) error {
		e := core.Errorf(core.CodeInvalid, "parameter %s: %s", p.Name, fmt.Sprintf(format, args...))
		e.Details = p.Description
		return e
	}
	switch {
	case len(value) > maxParam:
		return "", wrong("the value has %d bytes; %d is the most", len(value), maxParam)
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return "", wrong("the value is not text")
	}
	switch p.Type {
	case core.ParamNumber:
		value = strings.TrimSpace(value)
		parsed, err := strconv.ParseFloat(value, 64)
		if err != nil || !number.MatchString(value) {
			return "", wrong("%.60q is no number", value)
		}
		if p.Min != nil && parsed < *p.Min || p.Max != nil && parsed > *p.Max {
			return "", wrong("%s is not %s", value, bounds(p))
		}
	case core.ParamBoolean:
		if normalBoolean(value) == "" {
			return "", wrong("%.60q is neither true nor false", value)
		}
		value = normalBoolean(value)
	case core.ParamChoice:
		if !slices.Contains(p.Choices, value) {
			return "", wrong("%.60q is none of %s", value, strings.Join(p.Choices, ", "))
		}
	}
	if p.Pattern != "" {
		pattern, err := regexp.Compile(`^(?:` + p.Pattern + `)$`)
		if err != nil {
			return "", wrong("its pattern cannot be read: %v", err)
		}
		if !pattern.MatchString(value) {
			return "", wrong("%.60q does not match %s", value, p.Pattern)
		}
	}
	return value, nil
}

// normalBoolean returns true or false for the words people write, "" for others.
func normalBoolean(value string) string {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "yes", "on", "1":
		return "true"
	case "false", "no", "off", "0":
		return "false"
	}
	return ""
}

func bounds(p *core.Param) string {
	text := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	switch {
	case p.Min == nil:
		return "at most " + text(*p.Max)
	case p.Max == nil:
		return "at least " + text(*p.Min)
	}
	return "between " + text(*p.Min) + " and " + text(*p.Max)
}
