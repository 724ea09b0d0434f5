package detect

import (
	"path"
	"slices"
	"strings"
)

// install adds the first step, its cache, and what later steps need to find its result.
func (p *python) install(why Evidence) {
	f := p.f
	root := f
	if s := p.t.spaceOf(f, "python"); s != nil {
		root = s.folder
	}
	cache := inWorkspace(root.cachePath(p.Tool))
	p.Environment = map[string]string{"PIP_CACHE_DIR": cache}
	lock := f.first("uv.lock", "poetry.lock")
	var script string
	switch {
	case p.Tool == "uv":
		p.Environment = map[string]string{"UV_CACHE_DIR": cache}
		script = "uv sync --all-extras"
		if lock == "uv.lock" {
			script += " --locked"
		}
		if p.t.spaceAt(f, "python") != nil {
			script += " --all-packages"
		}
	case p.Tool == "poetry":
		p.Environment = map[string]string{"POETRY_CACHE_DIR": cache, "POETRY_VIRTUALENVS_IN_PROJECT": "true"}
		script = "poetry install --no-interaction"
	default:
		script = "python3 -m venv .venv\n.venv/bin/pip install" + p.pipArguments()
	}
	if root != f {
		return // the workspace has installed everything
	}
	p.Cache = &Cache{Paths: []string{root.cachePath(p.Tool)}}
	for _, name := range append(p.requirements(), lock, "pyproject.toml", "setup.py") {
		if name != "" && f.has(name) {
			p.Cache.Files = append(p.Cache.Files, f.at(name))
		}
	}
	p.step("install", script, why)
}

// pipArguments are what pip is to install: lists, and the project if it is a package.
func (p *python) pipArguments() string {
	var b strings.Builder
	for _, name := range p.requirements() {
		b.WriteString(" -r " + name)
	}
	if p.isPackage() {
		b.WriteString(" -e .")
		if len(p.extras) > 0 {
			b.WriteString("'[" + strings.Join(p.extras, ",") + "]'")
		}
	}
	if b.Len() == 0 {
		return " --upgrade pip"
	}
	return b.String()
}

// isPackage reports whether the project can be installed itself.
func (p *python) isPackage() bool {
	return p.manifest.BuildSystem.Backend != "" || len(p.manifest.BuildSystem.Requires) > 0 || p.f.has("setup.py") ||
		(p.manifest.Project.Name != "" && len(p.requirements()) == 0)
}

// run is how a program of the project's environment is started.
func (p *python) run(command string) string {
	switch {
	case p.Workspace != "":
		return "uv run --no-sync " + command
	case p.Tool == "pip":
		return ".venv/bin/" + command
	}
	return p.Tool + " run " + command
}

// checks adds the steps for the tools that the project has settings for and installs.
func (p *python) checks(is Evidence) {
	tools := p.manifest.Tool
	if p.uses["ruff"] {
		p.step("lint", p.run("ruff check ."), p.because(p.where("ruff"), "dependencies", "ruff"))
	}
	if p.uses["mypy"] && tools.Mypy != nil {
		p.step("types", p.run("mypy ."), p.because(p.f.at("pyproject.toml"), "tool.mypy", "settings of mypy"))
	}
	tests := p.testFile()
	switch {
	case p.uses["pytest"]:
		p.step("test", p.run("python -m pytest"), p.because(p.where("pytest"), "dependencies", "pytest"))
	case p.f.has("manage.py"):
		p.step("test", p.run("python manage.py test"), p.because(p.f.at("manage.py"), "", "a Django project"))
	case tests != "":
		p.step("test", p.run("python -m unittest discover -s "+p.testFolder(tests)), p.because(tests, "", "tests, and no pytest among the dependencies"))
	}
	switch {
	case p.Tool == "uv" && p.manifest.BuildSystem.Backend != "":
		why := p.because(p.f.at("pyproject.toml"), "build-system", "a package")
		p.step("build", "uv build --out-dir dist", why, "dist/**")
	case p.Tool == "poetry" && p.manifest.Tool.Poetry != nil && (p.manifest.Tool.Poetry.PackageMode == nil || *p.manifest.Tool.Poetry.PackageMode):
		why := p.because(p.f.at("pyproject.toml"), "tool.poetry", "a package")
		p.step("build", "poetry build", why, "dist/**")
	}
	if len(p.Steps) == 0 {
		p.step("compile", p.run("python -m compileall -q ."), is)
	}
}

// where is the file that a dependency is in, as far as it is known.
func (p *python) where(name string) string {
	for _, file := range p.requirements() {
		for line := range strings.SplitSeq(p.t.text(p.f, file), "\n") {
			if dependencyName(line) == name {
				return p.f.at(file)
			}
		}
	}
	return p.f.at("pyproject.toml")
}

// testFile returns a file of tests, or "".
func (p *python) testFile() string {
	for _, f := range p.t.below(p.f, "pyproject.toml", "setup.py") {
		for _, name := range f.ending(".py") {
			if (strings.HasPrefix(name, "test_") || strings.HasSuffix(name, "_test.py")) && plainName(f.at(name)) != "" {
				return f.at(name)
			}
		}
	}
	return ""
}

// testFolder is where unittest begins to look: the first folder on the way to a test.
func (p *python) testFolder(file string) string {
	first, _, deeper := strings.Cut(relative(p.f.name, file), "/")
	if !deeper {
		return "."
	}
	return first
}

// pythonApp finds what runs: a web framework's usual file, or a script of the project.
func (p *python) pythonApp() {
	f := p.f
	for _, file := range []string{"main.py", "app.py", "wsgi.py", "asgi.py"} {
		at, text, module := f, p.t.text(f, file), strings.TrimSuffix(file, ".py")
		if inner := p.t.byName[path.Join(f.name, "app")]; text == "" && inner != nil {
			at, text, module = inner, p.t.text(inner, file), "app."+module
		}
		switch {
		case text == "":
		case p.uses["fastapi"] && strings.Contains(text, "app = FastAPI("):
			p.because(at.at(file), "", "an application of FastAPI")
			p.App = &App{Command: []string{"uvicorn", module + ":app", "--host", "0.0.0.0", "--port", "8000"}, Port: 8000}
		case p.uses["flask"] && strings.Contains(text, "app = Flask("):
			p.because(at.at(file), "", "an application of Flask")
			p.App = &App{Command: []string{"gunicorn", "--bind", "0.0.0.0:8000", module + ":app"}, Port: 8000}
			if !p.uses["gunicorn"] {
				p.App.Command = []string{"flask", "--app", module, "run", "--host", "0.0.0.0", "--port", "8000"}
			}
		case at == f && file == "main.py":
			p.because(at.at(file), "", "the usual name of a program")
			p.App = &App{Command: []string{"python", file}}
		}
		if p.App != nil {
			return
		}
	}
	if f.has("manage.py") {
		p.App = &App{Command: []string{"python", "manage.py", "runserver", "0.0.0.0:8000"}, Port: 8000}
		return
	}
	names := keysOf(p.manifest.Project.Scripts)
	for _, name := range names {
		if plainName(name) != "" && !strings.Contains(name, "/") && p.isPackage() {
			p.because(f.at("pyproject.toml"), "project.scripts."+name, "a program")
			p.App = &App{Command: []string{name}}
			return
		}
	}
}

// keysOf are the keys of a map, sorted.
func keysOf[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
