package detect

import (
	"slices"
	"strings"
)

// staticSite recognises a folder of pages. An index.html within any other project is
// that project's.
func staticSite(t *tree, f *folder) *Project {
	if !f.has("index.html") {
		return nil
	}
	for _, o := range append(t.around(f), f) {
		if slices.ContainsFunc(o.projects, func(p *Project) bool { return p.Type != "make" && p.Type != "docker" }) {
			return nil
		}
	}
	p := &Project{Type: "static", Tool: "none", Confidence: Guess, App: &App{Output: ".", Static: true}}
	is := p.because(f.at("index.html"), "", "a page, and nothing that builds it")
	// What is hidden and what is for Patchbay is not for the web.
	p.step("collect", "test -s index.html", is, "**", "!**/.*", "!**/.*/**", "!patchbay.yaml", "!**/Dockerfile")
	return p
}

// makefile recognises a Makefile, where nothing else is.
func makefile(t *tree, f *folder) *Project {
	name := f.first("GNUmakefile", "makefile", "Makefile")
	if name == "" || len(f.projects) > 0 || (f.name != "." && len(t.holders(f)) > 0) {
		return nil
	}
	p := &Project{Type: "make", Tool: "make", Confidence: Guess}
	is := p.because(f.at(name), "", "a Makefile, and nothing that says more")
	text := t.text(f, name)
	p.step("make", "make", is)
	for _, target := range []string{"check", "test"} {
		if hasTarget(text, target) {
			p.step(target, "make "+target, p.because(f.at(name), target, "a target"))
			break
		}
	}
	return p
}

// holders are the projects around a folder.
func (t *tree) holders(f *folder) []*Project {
	var list []*Project
	for _, o := range t.around(f) {
		list = append(list, o.projects...)
	}
	return list
}

func hasTarget(text, name string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if targets, _, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "\t") && slices.Contains(strings.Fields(targets), name) {
			return true
		}
	}
	return false
}

// dockerfile recognises a folder with a file that an image is built from.
func dockerfile(t *tree, f *folder) *Project {
	name := f.first("Dockerfile", "Containerfile")
	if name == "" {
		return nil
	}
	p := &Project{Type: "docker", Tool: "docker", Confidence: Likely}
	is := p.because(f.at(name), "", "an image is built from it")
	for line := range strings.SplitSeq(t.text(f, name), "\n") {
		words := strings.Fields(line)
		if len(words) > 1 && strings.EqualFold(words[0], "FROM") {
			p.Confidence = Certain
			p.because(f.at(name), "FROM", "%s", quoted(strings.Join(words[1:], " ")))
		}
	}
	if len(f.projects) > 0 {
		p.Name = f.projects[0].Name
	}
	if p.Name == "" {
		p.Name = t.folderName(f)
	}
	file := ""
	if name != "Dockerfile" {
		file = " --file " + name
	}
	p.step("build", "docker build --tag "+imageName(p.Name)+file+" .", is)
	return p
}

// imageName makes a name that an image may have.
func imageName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	if len(words) == 0 {
		return "project"
	}
	return strings.Join(words, "-")
}
