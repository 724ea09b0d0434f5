package pipefile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/patchbay-ci/patchbay/core"
)

var (
	artifactKeys = []string{"name", "paths", "when", "if_missing", "retention"}
	cacheKeys    = []string{"key", "paths", "restore_keys"}
)

// several returns the mappings of a key that has one or a list of them.
func (o *object) several(key string) []*value {
	e := o.field(key)
	switch {
	case e == nil:
		return nil
	case e.value.kind == kindList:
		return e.value.list
	default:
		return []*value{e.value}
	}
}

// artifacts reads what a step leaves: globs, a mapping, or a list of mappings.
func (o *object) artifacts(step string) []core.ArtifactSpec {
	items := o.several("artifacts")
	if len(items) == 0 {
		return nil
	}
	var list []core.ArtifactSpec
	if items[0].kind < kindList {
		list = []core.ArtifactSpec{{Paths: o.files("artifacts")}}
		o.templates("artifacts", inFiles)
		o.artifactName(step, list[0], o.field("artifacts").keyAt)
		return list
	}
	for _, item := range items {
		a, ok := o.object(item, "an artifact", artifactKeys)
		if !ok {
			continue
		}
		spec := core.ArtifactSpec{Name: a.text("name"), Paths: a.files("paths"), When: a.oneOf("when", "success", "failure", "always"),
			IfMissing: a.oneOf("if_missing", "error", "warn", "ignore"), Retention: a.duration("retention")}
		a.templates("name", inFiles)
		a.templates("paths", inFiles)
		if a.field("paths") == nil {
			o.error(item.at, "an artifact has no paths", "add paths: [dist/**]")
		}
		o.artifactName(step, spec, item.fieldPosition("name", -1))
		list = append(list, spec)
	}
	return list
}

// artifactName checks that a name can be one of a file, and is there once.
func (d *decoder) artifactName(step string, spec core.ArtifactSpec, at position) {
	name := spec.Name
	if name == "" {
		name = step
	} else if strings.ContainsAny(name, `/\`) && !strings.Contains(name, "${{") || name == "." || name == ".." || len(name) > maxName ||
		strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		d.error(at, fmt.Sprintf("an artifact cannot be called %q", short(name)), fmt.Sprintf("use at most %d bytes, without / and \\", maxName))
		return
	}
	if first, twice := d.artifactNames[name]; twice && name != "" {
		d.error(at, fmt.Sprintf("there is an artifact called %q already, at line %d", short(name), first.line), "give this one a name: {name: …, paths: [ … ]}")
		return
	}
	d.artifactNames[name] = at
}

// files returns globs of files in the workspace; one that begins with ! takes some
// away.
func (o *object) files(key string) []string {
	paths := o.texts(key)
	taken := 0
	for i, path := range paths {
		if problem, suggestion := outside(strings.TrimPrefix(path, "!")); problem != "" {
			o.error(o.v.fieldPosition(key, i), fmt.Sprintf("%q %s", short(path), problem), suggestion)
		}
		if !strings.HasPrefix(path, "!") {
			taken++
		}
	}
	if e := o.field(key); e != nil && taken == 0 && (e.value.kind < kindList || e.value.kind == kindList && len(paths) == len(e.value.list)) {
		o.error(e.value.at, key+" names no files", "add a pattern like dist/**")
	}
	return paths
}

var drive = regexp.MustCompile(`^[A-Za-z]:[/\\]`)

// outside says why a pattern cannot be one of files in the workspace, or "". Where
// there is an expression, only the run can tell.
func outside(path string) (problem, suggestion string) {
	const relative = "paths are relative to the workspace"
	switch {
	case strings.TrimSpace(path) == "":
		return "is empty", "write a pattern like dist/**"
	case strings.HasPrefix(path, "/") || strings.HasPrefix(path, `\`) || drive.MatchString(path):
		return "is not in the workspace", relative
	case path == "~" || strings.HasPrefix(path, "~/"):
		return "is not in the workspace", relative + "; have the program use a folder in it"
	case contains(strings.Split(path, "/"), ".."):
		return "leads out of the workspace", relative + ", and .. cannot be used"
	case strings.Contains(path, "${{"):
		return "", ""
	case !doublestar.ValidatePattern(path):
		return "is not a pattern", "close the brackets, or escape them with a backslash"
	}
	return "", ""
}

// maxCacheKey is the longest key of a cache as it is written, in bytes.
const maxCacheKey = 1000

// caches reads a mapping, or a list of them.
func (o *object) caches() []core.CacheSpec {
	var list []core.CacheSpec
	for _, item := range o.several("cache") {
		c, ok := o.object(item, "a cache", cacheKeys)
		if !ok {
			continue
		}
		spec := core.CacheSpec{Key: c.text("key"), Paths: c.files("paths"), RestoreKeys: c.texts("restore_keys")}
		c.templates("key", inFiles)
		c.templates("restore_keys", inFiles)
		c.checkCacheKeys("key")
		c.checkCacheKeys("restore_keys")
		if c.field("key") == nil {
			o.error(item.at, "a cache has no key", "add key: go-${{ hash('go.sum') }}")
		}
		if c.field("paths") == nil {
			o.error(item.at, "a cache has no paths", "add paths: [.cache]")
		}
		list = append(list, spec)
	}
	return list
}

// checkCacheKeys bounds a key, or a list of them.
func (o *object) checkCacheKeys(key string) {
	for i, text := range o.texts(key) {
		if strings.TrimSpace(text) == "" || len(text) > maxCacheKey {
			o.error(o.v.fieldPosition(key, i), fmt.Sprintf("the key of a cache has 1 to %d bytes, this one has %d", maxCacheKey, len(text)), "")
		}
	}
}
