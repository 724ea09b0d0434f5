package detect

import (
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// goModule recognises a Go module.
func goModule(t *tree, f *folder) *Project {
	if !f.has("go.mod") {
		return nil
	}
	p := &Project{Type: "go", Tool: "go", Confidence: Likely}
	is := p.because(f.at("go.mod"), "", "a Go module")
	if text := t.text(f, "go.mod"); text != "" {
		mod, err := modfile.ParseLax(f.at("go.mod"), []byte(text), nil)
		switch {
		case err != nil:
			t.warn(f.at("go.mod"), "not understood: %s", firstLine(err))
		case mod.Module != nil:
			p.Confidence = Certain
			p.Name = path.Base(mod.Module.Mod.Path)
			p.because(f.at("go.mod"), "module", "%s", plainName(mod.Module.Mod.Path))
		}
		if err == nil && mod.Go != nil {
			p.Version = version(mod.Go.Version, 2)
			p.because(f.at("go.mod"), "go", "version %s", mod.Go.Version)
		}
	}
	p.goCache(t, f)
	p.step("download", "go mod download", is)
	p.step("vet", "go vet ./...", is)
	p.step("test", "go test ./...", is)
	mains := t.goPrograms(f)
	if len(mains) == 0 {
		p.step("build", "go build ./...", is)
		return p
	}
	why := p.because(mains[0].file, "package", "main, a program")
	p.step("build", "go build -o bin/ ./...", why, "bin/**")
	p.App = &App{Entry: mains[0].entry}
	return p
}

// goCache keeps what is downloaded; what is compiled stays in the cache of the user who
// compiles. What Go downloads is read-only by default, and then not even its owner can
// remove it.
func (p *Project) goCache(t *tree, f *folder) {
	cache := f.cachePath("go")
	p.Environment = map[string]string{"GOMODCACHE": inWorkspace(cache), "GOFLAGS": "-modcacherw"}
	p.Cache = &Cache{Files: []string{f.at("go.mod"), f.at("go.sum")}, Paths: []string{cache}}
	if s := t.spaceOf(f, "go"); s != nil {
		p.Workspace = s.folder.name
		p.Cache.Files = append(p.Cache.Files, s.folder.at("go.work"), s.folder.at("go.work.sum"))
	}
}

// program is a package main: its folder from the module, and the file that says so.
type program struct{ entry, file string }

// maxPrograms is how many are looked for; which are built, Go finds out itself.
const maxPrograms = 20

// goPrograms finds the programs of a module; the one in its top first, then those in
// cmd. Modules below it are not it.
func (t *tree) goPrograms(module *folder) []program {
	var found []program
	for _, f := range t.below(module, "go.mod") {
		if len(found) == maxPrograms {
			break
		}
		for _, name := range f.ending(".go") {
			if strings.HasSuffix(name, "_test.go") || !t.isGoProgram(f, name) {
				continue
			}
			entry := "."
			if f != module {
				entry = "./" + relative(module.name, f.name)
			}
			if entry == "." || plainName(entry[2:]) != "" {
				found = append(found, program{entry, f.at(name)})
			}
			break
		}
	}
	slices.SortStableFunc(found, func(a, b program) int { return rank(a.entry) - rank(b.entry) })
	return found
}

func rank(entry string) int {
	switch {
	case entry == ".":
		return 0
	case strings.HasPrefix(entry, "./cmd/"):
		return 1
	}
	return 2
}

// isGoProgram reads the package clause and what is before it: a file that builds are
// told to leave out is no program.
func (t *tree) isGoProgram(f *folder, name string) bool {
	text := t.text(f, name)
	if !strings.Contains(text, "package main") || strings.Contains(text, "//go:build ignore") {
		return false
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly)
	return err == nil && file.Name.Name == "main"
}

// goWork is the workspace in a folder.
func goWork(t *tree, f *folder) *space {
	text := t.text(f, "go.work")
	if text == "" {
		return nil
	}
	work, err := modfile.ParseWork(f.at("go.work"), []byte(text), nil)
	if err != nil {
		t.warn(f.at("go.work"), "not understood: %s", firstLine(err))
		return nil
	}
	s := &space{folder: f, tool: "go", why: Evidence{f.at("go.work"), "use", "modules built together"}}
	for _, use := range work.Use {
		s.patterns = append(s.patterns, use.Path)
	}
	return s
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
