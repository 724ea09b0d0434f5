// Package detect recognises what kinds of projects a folder holds: from the files that
// their own tools read, with the versions and commands that those name, and says which
// file and key it concludes from.
//
// It only reads. Nothing of the project is run, no link is followed, what git ignores
// is not looked at, and depth, number and size of files are bounded, so that a tree of
// strangers may be looked at, too.
package detect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// Limits bounds what is looked at. What is not positive has its default.
type Limits struct {
	// Depth is how many folders deep (DefaultDepth); 1 is the folder itself.
	Depth int
	// Entries is how many files and folders are looked at by name (DefaultEntries).
	Entries int
	// FileBytes is the largest file that is read (DefaultFileBytes).
	FileBytes int64
	// TotalBytes is how much is read altogether (DefaultTotalBytes).
	TotalBytes int64
	// Projects is how many are reported (DefaultProjects).
	Projects int
}

// Defaults of Limits.
const (
	DefaultDepth      = 8
	DefaultEntries    = 200_000
	DefaultFileBytes  = 1 << 20
	DefaultTotalBytes = 32 << 20
	DefaultProjects   = 100
)

func (l *Limits) defaults() {
	if l.Depth <= 0 {
		l.Depth = DefaultDepth
	}
	if l.Entries <= 0 {
		l.Entries = DefaultEntries
	}
	if l.FileBytes <= 0 {
		l.FileBytes = DefaultFileBytes
	}
	if l.TotalBytes <= 0 {
		l.TotalBytes = DefaultTotalBytes
	}
	if l.Projects <= 0 {
		l.Projects = DefaultProjects
	}
}

// Detect looks through a folder. What cannot be read or understood is a warning in the
// report; the errors are a folder that is none or may not be read (a *core.Error of
// CodeInvalid), and the end of ctx.
func Detect(ctx context.Context, dir string, limits Limits) (*Report, error) {
	limits.defaults()
	top, err := filepath.EvalSymlinks(dir)
	if err == nil && dir == "" {
		err = errors.New("its name is empty")
	}
	if err == nil {
		top, err = filepath.Abs(top)
	}
	if err != nil {
		return nil, refused(dir, err)
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, refused(dir, err)
	}
	defer root.Close()
	t := &tree{ctx: ctx, top: top, root: root, limits: limits, byName: map[string]*folder{}, texts: map[string]string{},
		report: &Report{Projects: []*Project{}, Workspaces: []*Workspace{}, Warnings: []Warning{}}}
	if err := t.walk(); err != nil {
		return nil, fmt.Errorf("look through %s: %w", dir, err)
	}
	t.workspaces()
	for _, f := range t.folders {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("look through %s: %w", dir, err)
		}
		t.recognise(f)
	}
	t.connect()
	return t.report, nil
}

func refused(dir string, err error) error {
	return &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("%s cannot be looked through", dir), Err: err,
		Suggestions: []string{"name a folder that you may read"}}
}

// detectors look at one folder each. What is built comes before what is only packed.
var detectors = []func(*tree, *folder) *Project{
	goModule, rustCrate, nodePackage, pythonProject, mavenModule, gradleProject, dotnetProject, phpProject, rubyProject,
	staticSite, makefile, dockerfile,
}

// recognise adds the projects in a folder.
func (t *tree) recognise(f *folder) {
	for _, detector := range detectors {
		p := detector(t, f)
		if p == nil {
			continue
		}
		if !plainPath(f.name) {
			t.warn(f.name, "the %s project is left out: a pipeline cannot name its folder", p.Type)
			return
		}
		if len(t.report.Projects) == t.limits.Projects {
			t.warn(f.name, "there are more than %d projects; the others are left out", t.limits.Projects)
			return
		}
		p.Path = f.name
		if p.Name = plainName(p.Name); p.Name == "" {
			p.Name = t.folderName(f)
		}
		for _, step := range p.Steps {
			for i, pattern := range step.Artifacts {
				step.Artifacts[i] = fromTop(f, pattern)
			}
		}
		t.report.Projects = append(t.report.Projects, p)
		f.projects = append(f.projects, p)
	}
}

// folderName is what a project is called whose files do not say.
func (t *tree) folderName(f *folder) string {
	name := filepath.Base(filepath.FromSlash(f.name))
	if f.name == "." {
		name = filepath.Base(t.top)
	}
	if name = plainName(name); name == "" {
		return "project"
	}
	return name
}

// fromTop makes a pattern of a project's one from the top.
func fromTop(f *folder, pattern string) string {
	pattern, negated := strings.CutPrefix(pattern, "!")
	from, isFromTop := strings.CutPrefix(pattern, "/")
	if !isFromTop {
		from = f.at(pattern)
	}
	if negated {
		return "!" + from
	}
	return from
}
