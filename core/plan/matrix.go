package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// MaxCombinations is how many instances a stage may have.
const MaxCombinations = 256

// Combinations returns the values of each instance of a stage with this matrix:
// one nil map for no matrix. The first axis varies slowest. An entry of Include
// that agrees with a combination on every axis it names adds its other values to
// it; one that agrees with none is a combination of its own. The problem is empty
// when there is none.
func Combinations(m *core.Matrix) (combinations []map[string]string, problem string) {
	if m == nil {
		return []map[string]string{nil}, ""
	}
	size := 1
	for _, axis := range m.Axes {
		if size *= len(axis.Values); size > MaxCombinations {
			return nil, fmt.Sprintf("the matrix has more than %d combinations", MaxCombinations)
		}
	}
	if len(m.Axes) > 0 {
		combinations = []map[string]string{{}}
	}
	for _, axis := range m.Axes {
		next := make([]map[string]string, 0, len(combinations)*len(axis.Values))
		for _, values := range combinations {
			for _, value := range axis.Values {
				with := maps.Clone(values)
				with[axis.Name] = value
				next = append(next, with)
			}
		}
		combinations = next
	}
	combinations = slices.DeleteFunc(combinations, func(values map[string]string) bool {
		return slices.ContainsFunc(m.Exclude, func(excluded map[string]string) bool {
			return len(excluded) > 0 && agrees(values, excluded)
		})
	})
	combinations = include(combinations, m)
	switch {
	case len(combinations) == 0:
		return nil, "the matrix has no combinations left"
	case len(combinations) > MaxCombinations:
		return nil, fmt.Sprintf("the matrix has %d combinations; %d is the most", len(combinations), MaxCombinations)
	}
	return combinations, ""
}

// agrees reports whether values has all that some has.
func agrees(values, some map[string]string) bool {
	for name, value := range some {
		if have, there := values[name]; !there || have != value {
			return false
		}
	}
	return true
}

func include(combinations []map[string]string, m *core.Matrix) []map[string]string {
	fromAxes := len(combinations)
	for _, entry := range m.Include {
		axes := map[string]string{}
		for _, axis := range m.Axes {
			if value, names := entry[axis.Name]; names {
				axes[axis.Name] = value
			}
		}
		added := false
		for _, values := range combinations[:fromAxes] {
			if agrees(values, axes) {
				maps.Copy(values, entry)
				added = true
			}
		}
		if !added {
			combinations = append(combinations, maps.Clone(entry))
		}
	}
	return combinations
}

// instanceName is "stage (value, value)": the axes in the order of the file, or what
// an included combination has of its own.
func instanceName(stage string, m *core.Matrix, values map[string]string) string {
	var texts []string
	for _, axis := range m.Axes {
		if value, there := values[axis.Name]; there {
			texts = append(texts, value)
		}
	}
	if len(texts) == 0 {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			texts = append(texts, values[name])
		}
	}
	return stage + " (" + strings.Join(texts, ", ") + ")"
}
