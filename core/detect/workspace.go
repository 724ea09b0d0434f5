package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// space is a workspace: a folder whose file names others that are built with it.
type space struct {
	folder   *folder
	tool     string // the language for which it counts: go, node, rust, java, python
	program  string // what builds it, for people: pnpm, maven
	patterns []string
	why      Evidence
	members  []*folder
}

// workspaces finds the workspaces, before the projects, which are different in them.
func (t *tree) workspaces() {
	for _, f := range t.folders {
		for _, find := range []func(*tree, *folder) *space{goWork, nodeWorkspace, cargoWorkspace, uvWorkspace, mavenModules, gradleSettings} {
			s := find(t, f)
			if s == nil {
				continue
			}
			if outer := t.spaceOf(f, s.tool); outer != nil && s.tool == "java" {
				outer.members = append(outer.members, t.membersOf(s)...) // modules of modules
				continue
			}
			if s.members = t.membersOf(s); len(s.members) == 0 {
				continue
			}
			t.spaces = append(t.spaces, s)
		}
	}
	for _, s := range t.spaces {
		w := &Workspace{Path: s.folder.name, Tool: s.tool, Members: []string{}, Evidence: s.why}
		if s.program != "" {
			w.Tool = s.program
		}
		for _, f := range s.members {
			w.Members = append(w.Members, f.name)
		}
		t.report.Workspaces = append(t.report.Workspaces, w)
	}
}

// manifests say that a folder can be a member of a workspace.
var manifests = map[string][]string{
	"go": {"go.mod"}, "node": {"package.json"}, "rust": {"Cargo.toml"}, "python": {"pyproject.toml"},
	"java": {"pom.xml", "build.gradle", "build.gradle.kts"},
}

// membersOf returns the folders that patterns name, but the workspace's own. Those that
// begin with ! take folders away. What is outside of the tree is not there.
func (t *tree) membersOf(s *space) []*folder {
	var members []*folder
	for _, f := range t.folders {
		if f == s.folder || f.first(manifests[s.tool]...) == "" {
			continue
		}
		in := false
		for _, pattern := range s.patterns {
			pattern, negated := strings.CutPrefix(pattern, "!")
			full := path.Join(s.folder.name, path.Clean(strings.TrimPrefix(pattern, "./")))
			if matched, err := doublestar.Match(full, f.name); err == nil && matched {
				in = !negated
			}
		}
		if in {
			members = append(members, f)
		}
	}
	return members
}

// spaceOf returns the workspace of a language that a folder is a member of, or nil.
func (t *tree) spaceOf(f *folder, tool string) *space {
	for _, s := range t.spaces {
		if s.tool == tool && slices.Contains(s.members, f) {
			return s
		}
	}
	return nil
}

// spaceAt returns the workspace of a language whose own folder it is, or nil.
func (t *tree) spaceAt(f *folder, tool string) *space {
	for _, s := range t.spaces {
		if s.tool == tool && s.folder == f {
			return s
		}
	}
	return nil
}

// below returns a folder and those in it, without the folders that have a manifest of
// their own.
func (t *tree) below(top *folder, manifest ...string) []*folder {
	var list []*folder
	others := map[string]bool{}
	for _, f := range t.folders {
		switch {
		case f == top:
		case !isBelow(f.name, top.name):
			continue
		case others[path.Dir(f.name)] || f.first(manifest...) != "":
			others[f.name] = true
			continue
		}
		list = append(list, f)
	}
	return list
}

func isBelow(name, top string) bool {
	return name != "." && (top == "." || strings.HasPrefix(name, top+"/"))
}

// relative is the way to a folder below another.
func relative(top, name string) string {
	if top == "." {
		return name
	}
	return strings.TrimPrefix(name, top+"/")
}

// around returns the folders around one, the nearest first.
func (t *tree) around(f *folder) []*folder {
	var list []*folder
	for name := f.name; name != "."; {
		name = path.Dir(name)
		if outer := t.byName[name]; outer != nil {
			list = append(list, outer)
		}
	}
	return list
}

// cachePath is a folder for the caches of a project, from the top. Its name begins with
// a dot, so that tools leave it alone; each project has its own, since stages that run
// at the same time may not restore into the same.
func (f *folder) cachePath(tool string) string {
	if f.name == "." {
		return path.Join(".cache", tool)
	}
	return path.Join(".cache", strings.NewReplacer("/", "-", " ", "-").Replace(f.name), tool)
}

func inWorkspace(name string) string { return "${CI_WORKSPACE}/" + name }

// connect finds the dependencies between the members of each workspace, and gives what
// is in a folder together an order: a Dockerfile comes after what it packs.
func (t *tree) connect() {
	for _, s := range t.spaces {
		owners := map[string]*Project{}
		var members []*Project
		for _, f := range s.members {
			for _, p := range f.projects {
				if p.Workspace == s.folder.name && p.Type == s.tool {
					owners[p.Name] = p
					members = append(members, p)
				}
			}
		}
		for _, p := range members {
			for _, p2 := range s.folder.projects {
				if p2.Type == s.tool && s.tool != "go" {
					p.dependOn(p2.Path)
				}
			}
			for _, need := range p.needs {
				if o := owners[need]; o != nil && o != p && !reaches(owners, o, p, map[*Project]bool{}) {
					p.dependOn(o.Path)
				}
			}
		}
		if s.tool == "java" {
			inOrder(members)
		}
	}
}

// reaches reports whether a project depends on another, by way of others too: a
// circle, which there may be between packages, is cut.
func reaches(owners map[string]*Project, from, to *Project, seen map[*Project]bool) bool {
	if from == to || seen[from] {
		return from == to
	}
	seen[from] = true
	for _, o := range owners {
		if slices.Contains(from.DependsOn, o.Path) && reaches(owners, o, to, seen) {
			return true
		}
	}
	return false
}

// inOrder makes each project wait for another one: their tool writes to the same
// folders, so that two of it must not run at once.
func inOrder(members []*Project) {
	done := map[string]bool{}
	last := ""
	for range members {
		for _, p := range members {
			ready := !done[p.Path] && !slices.ContainsFunc(members, func(o *Project) bool {
				return !done[o.Path] && slices.Contains(p.DependsOn, o.Path)
			})
			if !ready {
				continue
			}
			if last != "" {
				p.dependOn(last)
			}
			done[p.Path], last = true, p.Path
			break
		}
	}
}

func (p *Project) dependOn(other string) {
	if other != p.Path && !slices.Contains(p.DependsOn, other) {
		p.DependsOn = append(p.DependsOn, other)
	}
}
