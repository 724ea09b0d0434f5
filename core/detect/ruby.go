package detect

import (
	"path"
	"strings"
)

// rubyProject recognises a project of Bundler. A Gemfile is a program, which is not
// run: the lines that name gems are looked for in its text.
func rubyProject(t *tree, f *folder) *Project {
	if !f.has("Gemfile") {
		return nil
	}
	p := &Project{Type: "ruby", Tool: "bundler", Confidence: Likely}
	is := p.because(f.at("Gemfile"), "", "a project of Bundler")
	text := t.text(f, "Gemfile")
	gems := map[string]bool{}
	asked := ""
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r,()'\"", r) })
		switch {
		case len(words) > 1 && words[0] == "gem":
			gems[words[1]] = true
		case len(words) > 1 && words[0] == "ruby":
			asked = strings.Join(words[1:], " ")
		case len(words) > 0 && words[0] == "source":
			p.Confidence = Certain
		}
	}
	if v := version(t.text(f, ".ruby-version"), 2); v != "" {
		p.Version = v
		p.because(f.at(".ruby-version"), "", "Ruby %s", v)
	} else if v := version(asked, 2); v != "" {
		p.Version = v
		p.because(f.at("Gemfile"), "ruby", "Ruby %s", quoted(asked))
	} else {
		p.toolVersion(t, f, "ruby", 2)
	}
	cache := f.cachePath("bundle")
	p.Environment = map[string]string{"BUNDLE_PATH": inWorkspace(cache)}
	p.Cache = &Cache{Files: []string{f.at("Gemfile"), f.at("Gemfile.lock")}, Paths: []string{cache}}
	p.step("install", "bundle install --jobs 4", is)
	gem := func(name string) Evidence { return p.because(f.at("Gemfile"), "gem "+name, "used by the project") }
	if gems["rubocop"] {
		p.step("lint", "bundle exec rubocop", gem("rubocop"))
	}
	rails := gems["rails"]
	tests := t.byName[path.Join(f.name, "test")]
	switch {
	case gems["rspec"] || gems["rspec-rails"] || f.has(".rspec"):
		p.step("test", "bundle exec rspec", p.because(f.at("Gemfile"), "gem rspec", "tests of RSpec"))
	case rails && tests != nil:
		p.step("test", "bundle exec rails test", gem("rails"))
	case f.has("Rakefile") && tests != nil:
		p.step("test", "bundle exec rake test", p.because(f.at("Rakefile"), "", "tests that rake runs"))
	}
	switch {
	case rails:
		p.App = &App{Command: []string{"bundle", "exec", "rails", "server", "--binding", "0.0.0.0", "--port", "3000"}, Port: 3000}
	case f.has("config.ru") && gems["puma"]:
		p.because(f.at("config.ru"), "", "a web application")
		p.App = &App{Command: []string{"bundle", "exec", "puma", "--bind", "tcp://0.0.0.0:3000"}, Port: 3000}
	}
	return p
}
