package pipefile

import "fmt"

// keptOnly are the keys that are read, checked as far as their form goes and
// stored, but that this version does not act on. Who makes one work deletes its
// line.
var keptOnly = map[string]string{
	"triggers": "start the pipeline by hand or through the API",
}

// keptAt says once a document that nothing follows from a key.
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
