package detect

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/patchbay-ci/patchbay/core/project"
)

// tree is what is known of the folders, by name; files are read when they are asked for.
type tree struct {
	ctx    context.Context
	top    string
	root   *os.Root // it lets nobody out
	limits Limits
	report *Report

	folders []*folder // by depth
	byName  map[string]*folder
	spaces  []*space
	texts   map[string]string // what was read, by name
	read    int64
}

// folder is one folder that may be a project.
type folder struct {
	name     string // from the top, "." for the top
	depth    int
	ignores  *project.Ignores
	files    map[string]fs.FileMode // those that may tell something
	kept     map[string]int         // how many of them, by extension
	projects []*Project
}

func (f *folder) has(name string) bool { _, ok := f.files[name]; return ok }

// at is the path of something in the folder.
func (f *folder) at(name string) string { return path.Join(f.name, name) }

// first returns the first of the names that is there, or "".
func (f *folder) first(names ...string) string {
	for _, name := range names {
		if f.has(name) {
			return name
		}
	}
	return ""
}

// ending returns the files whose name ends so, sorted.
func (f *folder) ending(suffixes ...string) []string {
	var names []string
	for name := range f.files {
		if slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// never are folders of tools, of dependencies and of examples for tests, whatever git
// says. Those whose names begin with a dot are not looked into either.
var never = map[string]bool{
	"node_modules": true, "bower_components": true, "vendor": true, "target": true, "venv": true, "__pycache__": true,
	"testdata": true, "fixtures": true, "__fixtures__": true, "site-packages": true,
}

// sampled are extensions of which a few files in a folder tell as much as all.
var sampled = map[string]int{".go": 8, ".py": 40, ".rs": 8, ".csproj": 20, ".fsproj": 20, ".vbproj": 20, ".sln": 2, ".slnx": 2}

// told are the names that may tell something, besides.
var told = map[string]bool{
	"go.mod": true, "go.sum": true, "go.work": true, "go.work.sum": true, "Makefile": true, "GNUmakefile": true, "makefile": true,
	"package.json": true, "package-lock.json": true, "npm-shrinkwrap.json": true, "pnpm-lock.yaml": true, "pnpm-workspace.yaml": true,
	"yarn.lock": true, ".yarnrc.yml": true, ".nvmrc": true, ".node-version": true, "server.js": true, "index.js": true,
	"pyproject.toml": true, "setup.cfg": true, "Pipfile": true, "requirements.txt": true, "poetry.lock": true, "uv.lock": true,
	"requirements-dev.txt": true, "dev-requirements.txt": true, "pytest.ini": true, "tox.ini": true, ".python-version": true, ".tool-versions": true,
	"Cargo.toml": true, "Cargo.lock": true, "rust-toolchain": true, "rust-toolchain.toml": true,
	"pom.xml": true, "mvnw": true, ".java-version": true, "build.gradle": true, "build.gradle.kts": true, "settings.gradle": true,
	"settings.gradle.kts": true, "gradlew": true, "gradle.lockfile": true,
	"global.json": true, "packages.lock.json": true, "composer.json": true, "composer.lock": true, "phpunit.xml": true,
	"phpunit.xml.dist": true, "index.php": true, "Gemfile": true, "Gemfile.lock": true, ".ruby-version": true, "Rakefile": true,
	"config.ru": true, ".rspec": true, "index.html": true, "Dockerfile": true, "Containerfile": true, ".dockerignore": true,
}

// walk notes the folders, those of the top first: what is left out when there is too
// much is the deepest.
func (t *tree) walk() error {
	ignores, err := project.IgnoresAround(t.top)
	if err != nil {
		t.warn(".", "%v", err)
		ignores = &project.Ignores{}
	}
	queue := []*folder{{name: ".", depth: 1, ignores: ignores}}
	for len(queue) > 0 {
		f := queue[0]
		queue = queue[1:]
		inner, err := t.list(f)
		if ctxErr := t.ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		if err != nil && f.name == "." {
			return refused(t.top, err)
		}
		if err != nil {
			t.warn(f.name, "cannot be read: %v", cause(err))
			continue
		}
		t.folders = append(t.folders, f)
		t.byName[f.name] = f
		if len(inner) > 0 && f.depth >= t.limits.Depth {
			t.truncated(f.name, "folders below the depth of %d are not looked into", t.limits.Depth)
			continue
		}
		slices.Sort(inner)
		for _, name := range inner {
			queue = append(queue, &folder{name: name, depth: f.depth + 1, ignores: f.ignores})
		}
	}
	return nil
}

func (t *tree) truncated(name, format string, args ...any) {
	if !t.report.Truncated {
		t.warn(name, format, args...)
	}
	t.report.Truncated = true
}

// list reads the names in a folder, some at a time, and returns the folders in it.
func (t *tree) list(f *folder) (inner []string, err error) {
	dir, err := t.root.Open(f.name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if ignores, err := f.ignores.Enter(t.top, f.name); err == nil {
		f.ignores = ignores
	} else {
		t.warn(f.name, "%v", cause(err))
	}
	f.files, f.kept = map[string]fs.FileMode{}, map[string]int{}
	for {
		some, err := dir.ReadDir(1024)
		slices.SortFunc(some, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		for _, entry := range some {
			if t.report.Entries++; t.report.Entries > t.limits.Entries {
				t.truncated(f.name, "there are more than %d files; the rest is not looked at", t.limits.Entries)
				return nil, nil
			}
			if name := t.note(f, entry); name != "" {
				inner = append(inner, name)
			}
		}
		if errors.Is(err, io.EOF) || (err == nil && t.ctx.Err() != nil) {
			return inner, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// note keeps a file that may tell something, and returns a folder's name from the top.
// Links, pipes and devices are nothing.
func (t *tree) note(f *folder, entry fs.DirEntry) string {
	name := entry.Name()
	switch {
	case entry.IsDir():
		if never[name] || strings.HasPrefix(name, ".") || f.ignores.Match(f.at(name), true) {
			return ""
		}
		return f.at(name)
	case !entry.Type().IsRegular():
		return ""
	case told[name]:
	default:
		extension := path.Ext(name)
		if f.kept[extension] >= sampled[extension] {
			return ""
		}
		f.kept[extension]++
	}
	if f.ignores.Match(f.at(name), false) {
		return ""
	}
	if info, err := entry.Info(); err == nil {
		f.files[name] = info.Mode()
	}
	return ""
}

// cause is an error without the system's words about what was done.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
