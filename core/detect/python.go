package detect

import (
	"slices"
	"strings"
)

// pyproject is what is read of a pyproject.toml.
type pyproject struct {
	Project struct {
		Name         string              `toml:"name"`
		Requires     string              `toml:"requires-python"`
		Dependencies []string            `toml:"dependencies"`
		Optional     map[string][]string `toml:"optional-dependencies"`
		Scripts      map[string]string   `toml:"scripts"`
	} `toml:"project"`
	Groups      map[string][]any `toml:"dependency-groups"`
	BuildSystem struct {
		Backend  string   `toml:"build-backend"`
		Requires []string `toml:"requires"`
	} `toml:"build-system"`
	Tool struct {
		Poetry *struct {
			Name         string         `toml:"name"`
			PackageMode  *bool          `toml:"package-mode"`
			Dependencies map[string]any `toml:"dependencies"`
			Dev          map[string]any `toml:"dev-dependencies"`
			Group        map[string]struct {
				Dependencies map[string]any `toml:"dependencies"`
			} `toml:"group"`
		} `toml:"poetry"`
		UV *struct {
			Dev       []string `toml:"dev-dependencies"`
			Workspace *struct {
				Members []string `toml:"members"`
				Exclude []string `toml:"exclude"`
			} `toml:"workspace"`
		} `toml:"uv"`
		Pytest map[string]any `toml:"pytest"`
		Ruff   map[string]any `toml:"ruff"`
		Mypy   map[string]any `toml:"mypy"`
	} `toml:"tool"`
}

// python is a project that is being recognised.
type python struct {
	*Project
	t        *tree
	f        *folder
	manifest pyproject
	uses     map[string]bool // dependencies, normalised
	extras   []string        // groups of dependencies that the tests need
}

// pythonProject recognises a project of pip, poetry or uv.
func pythonProject(t *tree, f *folder) *Project {
	main := f.first("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
	if main == "" || (main == "setup.cfg" && len(f.ending(".py")) == 0) {
		return nil
	}
	if main == "requirements.txt" && slices.ContainsFunc(t.around(f), func(o *folder) bool { return o.holds("python") }) {
		return nil // docs/requirements.txt and the like belong to the project around
	}
	p := &python{Project: &Project{Type: "python", Tool: "pip", Confidence: Likely}, t: t, f: f, uses: map[string]bool{}}
	is := p.because(f.at(main), "", "a Python project")
	if main == "pyproject.toml" && t.parse(f, main, parseTOML, &p.manifest) {
		p.Confidence = Certain
	}
	p.dependencies()
	if main == "pyproject.toml" && !p.isProject() {
		return nil // settings of tools, in a project that is something else
	}
	p.Name = p.manifest.Project.Name
	is = p.manager(is)
	p.version()
	p.install(is)
	p.checks(is)
	p.pythonApp()
	return p.Project
}

// isProject tells a project from a file that only has settings of tools.
func (p *python) isProject() bool {
	m := &p.manifest
	return p.Confidence == Likely || m.Project.Name != "" || m.Tool.Poetry != nil || m.Tool.UV != nil || m.BuildSystem.Backend != "" ||
		p.f.first("setup.py", "setup.cfg", "requirements.txt", "uv.lock", "poetry.lock") != ""
}

// holds reports whether a project of a type was found in the folder.
func (f *folder) holds(kind string) bool {
	return slices.ContainsFunc(f.projects, func(p *Project) bool { return p.Type == kind })
}

// dependencies collects the names from wherever they may be.
func (p *python) dependencies() {
	add := func(list ...string) {
		for _, requirement := range list {
			p.uses[dependencyName(requirement)] = true
		}
	}
	m := &p.manifest
	add(m.Project.Dependencies...)
	for group, list := range m.Project.Optional {
		add(list...)
		if plainName(group) != "" && (group == "dev" || group == "test" || group == "tests" || group == "testing") {
			p.extras = append(p.extras, group)
		}
	}
	slices.Sort(p.extras)
	for _, list := range m.Groups {
		for _, item := range list {
			if text, ok := item.(string); ok {
				add(text)
			}
		}
	}
	if poetry := m.Tool.Poetry; poetry != nil {
		tables := []map[string]any{poetry.Dependencies, poetry.Dev}
		for _, group := range poetry.Group {
			tables = append(tables, group.Dependencies)
		}
		for _, table := range tables {
			for name := range table {
				add(name)
			}
		}
		if m.Project.Name == "" {
			m.Project.Name = poetry.Name
		}
	}
	if m.Tool.UV != nil {
		add(m.Tool.UV.Dev...)
	}
	for _, name := range p.requirements() {
		for line := range strings.SplitSeq(p.t.text(p.f, name), "\n") {
			add(line)
		}
	}
	p.needs = keysOf(p.uses)
}

// requirements are the files that pip is given.
func (p *python) requirements() []string {
	var names []string
	for _, name := range []string{"requirements.txt", "requirements-dev.txt", "dev-requirements.txt"} {
		if p.f.has(name) {
			names = append(names, name)
		}
	}
	return names
}

// manager finds out who installs, and says why.
func (p *python) manager(is Evidence) Evidence {
	m, f := &p.manifest, p.f
	if s := p.t.spaceOf(f, "python"); s != nil {
		p.Tool, p.Workspace = "uv", s.folder.name
		return p.because(s.why.File, s.why.Key, "a member of a workspace of uv")
	}
	switch {
	case f.has("uv.lock"):
		p.Tool = "uv"
		return p.because(f.at("uv.lock"), "", "installed by uv")
	case m.Tool.UV != nil:
		p.Tool = "uv"
		return p.because(f.at("pyproject.toml"), "tool.uv", "installed by uv")
	case m.Tool.Poetry != nil || strings.HasPrefix(m.BuildSystem.Backend, "poetry."):
		p.Tool = "poetry"
		return p.because(f.at("pyproject.toml"), "tool.poetry", "installed by poetry")
	case f.has("poetry.lock"):
		p.Tool = "poetry"
		return p.because(f.at("poetry.lock"), "", "installed by poetry")
	}
	return is
}

// usualPython is the version for projects that ask for none.
const usualPython = "3.13"

func (p *python) version() {
	if v := version(p.t.text(p.f, ".python-version"), 2); v != "" {
		p.Version = v
		p.because(p.f.at(".python-version"), "", "Python %s", v)
		return
	}
	if p.toolVersion(p.t, p.f, "python", 2) {
		return
	}
	key, rang := "project.requires-python", p.manifest.Project.Requires
	if poetry := p.manifest.Tool.Poetry; rang == "" && poetry != nil {
		key = "tool.poetry.dependencies.python"
		rang, _ = poetry.Dependencies["python"].(string)
	}
	if rang != "" {
		p.Version = versionOf(rang, usualPython, 2)
		if !strings.Contains(p.Version, ".") {
			p.Version = ""
		}
		p.because(p.f.at("pyproject.toml"), key, "Python %s", quoted(rang))
	}
}

// uvWorkspace is the workspace of uv in a folder.
func uvWorkspace(t *tree, f *folder) *space {
	var m pyproject
	if !f.has("pyproject.toml") {
		return nil
	}
	t.parse(f, "pyproject.toml", parseTOML, &m)
	if m.Tool.UV == nil || m.Tool.UV.Workspace == nil {
		return nil
	}
	s := &space{folder: f, tool: "python", program: "uv", patterns: m.Tool.UV.Workspace.Members,
		why: Evidence{f.at("pyproject.toml"), "tool.uv.workspace.members", "packages installed together"}}
	for _, pattern := range m.Tool.UV.Workspace.Exclude {
		s.patterns = append(s.patterns, "!"+pattern)
	}
	return s
}
