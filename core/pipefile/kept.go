package pipefile

import "fmt"

// keptOnly are the keys that are read, checked as far as their form goes and
// stored, but that this version does not act on. Who makes one work deletes its
// line.
var keptOnly = map[string]string{
	"matrix":        "the stage runs once",
	"concurrency":   "runs may overlap",
	"artifacts":     "no file is stored",
	"cache":         "nothing is cached",
	"secrets":       "the step gets none",
	"notifications": "nobody is notified",
	"when":          "it always holds",
	"triggers":      "start the pipeline by hand or through the API",
}

// keep returns a field as JSON, and says once a document that nothing follows
// from it.
func (o *object) keep(key string) []byte {
	e := o.field(key)
	if e == nil {
		return nil
	}
	o.keptAt(key, key, e.keyAt)
	return e.value.appendJSON(nil)
}

func (d *decoder) keptAt(key, what string, at position) {
	effect, only := keptOnly[key]
	if !only || d.kept[key] {
		return
	}
	if d.kept == nil {
		d.kept = map[string]bool{}
	}
	d.kept[key] = true
	d.warn(at, fmt.Sprintf("%s: kept, but this version does not act on it; %s", what, effect), "")
}
