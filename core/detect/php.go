package detect

import (
	"encoding/json"
	"path"
)

// composerJSON is what is read of a composer.json.
type composerJSON struct {
	Name       string                  `json:"name"`
	Require    object[string]          `json:"require"`
	RequireDev object[string]          `json:"require-dev"`
	Scripts    object[json.RawMessage] `json:"scripts"`
}

// object is an object of JSON. Anything else is an empty one, since PHP writes an empty
// object as [].
type object[V any] map[string]V

// UnmarshalJSON never fails on JSON that is whole.
func (o *object[V]) UnmarshalJSON(data []byte) error {
	var m map[string]V
	if json.Unmarshal(data, &m) == nil {
		*o = m
	}
	return nil
}

// usualPHP is the version for projects that ask for none.
const usualPHP = "8.4"

// phpProject recognises a project of Composer.
func phpProject(t *tree, f *folder) *Project {
	if !f.has("composer.json") {
		return nil
	}
	var m composerJSON
	p := &Project{Type: "php", Tool: "composer", Confidence: Likely}
	is := p.because(f.at("composer.json"), "", "a project of Composer")
	if t.parse(f, "composer.json", parseJSON, &m) {
		p.Confidence = Certain
	}
	p.Name = path.Base(m.Name)
	if rang := m.Require["php"]; rang != "" {
		p.Version = versionOf(rang, usualPHP, 2)
		p.because(f.at("composer.json"), "require.php", "PHP %s", quoted(rang))
	}
	cache := f.cachePath("composer")
	p.Environment = map[string]string{"COMPOSER_CACHE_DIR": inWorkspace(cache)}
	p.Cache = &Cache{Files: []string{f.at("composer.json"), f.at("composer.lock")}, Paths: []string{cache}}
	p.step("install", "composer install --no-interaction --no-progress --prefer-dist", is)
	for _, script := range []string{"lint", "phpstan"} {
		if len(m.Scripts[script]) > 0 {
			p.step(script, "composer run-script "+script, p.because(f.at("composer.json"), "scripts."+script, "a script"))
		}
	}
	switch {
	case len(m.Scripts["test"]) > 0:
		p.step("test", "composer run-script test", p.because(f.at("composer.json"), "scripts.test", "a script"))
	case m.RequireDev["pestphp/pest"] != "":
		p.step("test", "vendor/bin/pest", p.because(f.at("composer.json"), "require-dev.pestphp/pest", "tests of Pest"))
	case m.RequireDev["phpunit/phpunit"] != "":
		p.step("test", "vendor/bin/phpunit", p.because(f.at("composer.json"), "require-dev.phpunit/phpunit", "tests of PHPUnit"))
	}
	public := t.byName[path.Join(f.name, "public")]
	switch {
	case public != nil && public.has("index.php"):
		p.because(public.at("index.php"), "", "a web application")
		p.App = &App{Output: "public", Port: 8080}
	case f.has("index.php"):
		p.because(f.at("index.php"), "", "a web application")
		p.App = &App{Output: ".", Port: 8080}
	}
	return p
}
