package pipefile

import (
	"fmt"
	"strconv"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/plan"
)

// matrixKeys are the keys of a matrix that are no axes.
var matrixKeys = []string{"include", "exclude", "fail_fast", "max_parallel"}

// otherMatrixKeys are spellings of these in files for other systems.
var otherMatrixKeys = map[string]string{"fail-fast": "fail_fast", "max-parallel": "max_parallel"}

// matrixOf is the entry in broken of a stage whose matrix could not be read.
func matrixOf(stage int) string { return "matrix of " + strconv.Itoa(stage) }

// matrix reads that of a stage; nil when there is none or it is wrong.
func (o *object) matrix() *core.Matrix {
	e := o.field("matrix")
	if e == nil {
		return nil
	}
	before := o.errors
	var m *core.Matrix
	if e.value.kind != kindMap {
		o.error(e.value.at, "matrix must be a mapping, this is "+e.value.describe(), "write NAME: [value, value], one a line")
	} else {
		m = o.readMatrix(e.value)
	}
	if m != nil && o.errors == before {
		if _, problem := plan.Combinations(m); problem != "" {
			o.error(e.keyAt, problem, "")
		}
	}
	if o.errors > before {
		o.broken[matrixOf(o.stageIndex)] = true
		return nil
	}
	return m
}

func (d *decoder) readMatrix(v *value) *core.Matrix {
	m := &core.Matrix{}
	settings := &object{decoder: d, v: &value{kind: kindMap, at: v.at}, what: "a matrix"}
	for _, e := range v.entries {
		if other, found := otherMatrixKeys[e.key]; found {
			e.key = other
		}
		if !contains(matrixKeys, e.key) {
			d.axis(m, e)
			continue
		}
		if settings.v.get(e.key) != nil {
			d.error(e.keyAt, fmt.Sprintf("%s is here in both spellings", e.key), "keep one of them")
		}
		settings.v.entries = append(settings.v.entries, e)
	}
	m.Include, m.Exclude = settings.combinations("include"), settings.combinations("exclude")
	if settings.field("fail_fast") != nil {
		failFast := settings.flag("fail_fast")
		m.FailFast = &failFast
	}
	m.MaxParallel = settings.number("max_parallel", 0, plan.MaxCombinations)
	if len(m.Axes) == 0 && len(m.Include) == 0 {
		d.error(v.at, "the matrix has no axes", "write NAME: [value, value]")
	}
	settings.checkExclude(m)
	return m
}

// axis adds a variable and its values.
func (d *decoder) axis(m *core.Matrix, e entry) {
	if !d.checkName(e.keyAt, "an axis", e.key) {
		return
	}
	if e.value.kind != kindList {
		d.error(e.value.at, fmt.Sprintf("the axis %s must be a list of values, this is %s", short(e.key), e.value.describe()), axisSuggestion(e.key))
		return
	}
	if len(e.value.list) == 0 {
		d.error(e.value.at, fmt.Sprintf("the axis %s has no values", short(e.key)), "add one, or remove the axis")
		return
	}
	axis := core.MatrixAxis{Name: e.key}
	for _, item := range e.value.list {
		if item.kind >= kindList || item.kind == kindNull {
			d.error(item.at, fmt.Sprintf("a value of the axis %s must be a text, a number or true or false, this is %s", short(e.key), item.describe()), "combine several with include")
			continue
		}
		text := matrixText(item)
		if contains(axis.Values, text) {
			d.error(item.at, fmt.Sprintf("the axis %s has the value %s twice", short(e.key), short(text)), "remove one of them")
			continue
		}
		axis.Values = append(axis.Values, text)
	}
	m.Axes = append(m.Axes, axis)
}

// matrixText keeps a value as it is written: 1.20 is not 1.2 to whoever wrote it.
func matrixText(v *value) string { return v.text }

func axisSuggestion(key string) string {
	for _, known := range matrixKeys {
		if suggestion := suggest(key, []string{known}, ""); suggestion == "did you mean "+known+"?" {
			return suggestion
		}
	}
	return "write " + short(key) + ": [value, value]"
}

// combinations reads include or exclude: a list of mappings.
func (o *object) combinations(key string) []map[string]string {
	e := o.field(key)
	if e == nil {
		return nil
	}
	if e.value.kind != kindList {
		o.error(e.value.at, fmt.Sprintf("%s must be a list of mappings, this is %s", key, e.value.describe()), "begin each with a dash: - NAME: value")
		return nil
	}
	var list []map[string]string
	for _, item := range e.value.list {
		if item.kind != kindMap || len(item.entries) == 0 {
			o.error(item.at, fmt.Sprintf("an item of %s is a mapping of names to values, this is %s", key, item.describe()), "write - NAME: value")
			continue
		}
		values := make(map[string]string, len(item.entries))
		for _, v := range item.entries {
			if v.value.kind >= kindList || v.value.kind == kindNull {
				o.error(v.value.at, fmt.Sprintf("%s must be a text, a number or true or false, this is %s", short(v.key), v.value.describe()), "")
			} else if key == "exclude" || o.checkName(v.keyAt, "a value of the matrix", v.key) {
				values[v.key] = matrixText(v.value)
			}
		}
		list = append(list, values)
	}
	return list
}

// checkExclude refuses what can exclude nothing because of a misspelt name, and
// warns of values that no combination has.
func (o *object) checkExclude(m *core.Matrix) {
	e := o.field("exclude")
	if e == nil {
		return
	}
	axes := map[string][]string{}
	var names []string
	for _, axis := range m.Axes {
		axes[axis.Name] = axis.Values
		names = append(names, axis.Name)
	}
	for _, item := range e.value.list {
		for _, v := range item.entries {
			values, known := axes[v.key]
			switch {
			case !known && len(names) > 0:
				o.error(v.keyAt, fmt.Sprintf("the matrix has no axis %q to exclude from", short(v.key)), suggest(v.key, names, "axes"))
			case known && v.value.kind < kindList && v.value.kind != kindNull && !contains(values, matrixText(v.value)):
				o.warn(v.value.at, fmt.Sprintf("the axis %s has no value %s: this excludes nothing", short(v.key), v.value.describe()), suggest(matrixText(v.value), values, "values"))
			}
		}
	}
}
