package detect

import (
	"encoding/json"
	"slices"
	"strings"
)

// packageJSON is what is read of a package.json.
type packageJSON struct {
	Name            string            `json:"name"`
	Main            string            `json:"main"`
	PackageManager  string            `json:"packageManager"`
	Scripts         map[string]string `json:"scripts"`
	Engines         map[string]string `json:"engines"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	// Workspaces is a list of patterns, or an object with one.
	Workspaces json.RawMessage `json:"workspaces"`
}

// uses reports whether a package is named as a dependency.
func (m *packageJSON) uses(name string) bool {
	return m.Dependencies[name] != "" || m.DevDependencies[name] != ""
}

// nodePackage recognises a package of npm, pnpm or yarn.
func nodePackage(t *tree, f *folder) *Project {
	if !f.has("package.json") {
		return nil
	}
	var m packageJSON
	p := &Project{Type: "node", Confidence: Likely}
	p.because(f.at("package.json"), "", "a Node.js package")
	if t.parse(f, "package.json", parseJSON, &m) {
		p.Confidence = Certain
	}
	p.Name = m.Name
	root := f
	if s := t.spaceOf(f, "node"); s != nil {
		root, p.Workspace = s.folder, s.folder.name
	}
	manager, why := t.nodeManager(root, &m)
	p.Tool = manager
	p.Evidence = append(p.Evidence, why)
	p.nodeVersion(t, f, root, &m)
	p.Environment = nodeEnvironment(root, manager)
	if root == f {
		p.Cache = &Cache{Files: []string{f.at(nodeLock(f, manager))}, Paths: []string{root.cachePath(manager)}}
		p.step("install", nodeInstall(f, manager), why)
	}
	if t.spaceAt(f, "node") == nil { // in a workspace's own folder, scripts are about all members
		p.nodeScripts(f, &m)
		p.nodeApp(f, &m)
	}
	for _, list := range []map[string]string{m.Dependencies, m.DevDependencies} {
		for name := range list {
			p.needs = append(p.needs, name)
		}
	}
	slices.Sort(p.needs)
	return p
}

// nodeManager says which program installs: what packageManager names, else whose lock
// file is there, else npm.
func (t *tree) nodeManager(root *folder, m *packageJSON) (string, Evidence) {
	at, named := "package.json", m.PackageManager
	if named == "" && root.has("package.json") {
		var top packageJSON
		t.parse(root, "package.json", parseJSON, &top)
		named = top.PackageManager
	}
	name, version, _ := strings.Cut(named, "@")
	switch name {
	case "npm", "pnpm", "yarn":
		return name, Evidence{root.at(at), "packageManager", "installed by " + name + " " + versionWord(version)}
	}
	for _, lock := range []struct{ file, manager string }{
		{"pnpm-lock.yaml", "pnpm"}, {"pnpm-workspace.yaml", "pnpm"}, {"yarn.lock", "yarn"}, {"package-lock.json", "npm"}, {"npm-shrinkwrap.json", "npm"},
	} {
		if root.has(lock.file) {
			return lock.manager, Evidence{root.at(lock.file), "", "installed by " + lock.manager}
		}
	}
	return "npm", Evidence{root.at(at), "packageManager", "not given, and no lock file: installed by npm"}
}

func versionWord(text string) string {
	if v := version(text, 3); v != "" {
		return v
	}
	return "of any version"
}

// nodeLock is the manager's lock file, or package.json where there is none.
func nodeLock(f *folder, manager string) string {
	names := map[string][]string{"npm": {"package-lock.json", "npm-shrinkwrap.json"}, "pnpm": {"pnpm-lock.yaml"}, "yarn": {"yarn.lock"}}
	if name := f.first(names[manager]...); name != "" {
		return name
	}
	return "package.json"
}

// nodeInstall installs what the lock file says and nothing else, if there is one.
func nodeInstall(f *folder, manager string) string {
	locked := nodeLock(f, manager) != "package.json"
	switch {
	case manager == "npm" && locked:
		return "npm ci"
	case manager == "yarn" && f.has(".yarnrc.yml") && locked: // yarn 2 and later
		return "yarn install --immutable"
	case manager != "npm" && locked:
		return manager + " install --frozen-lockfile"
	}
	return manager + " install"
}

func nodeEnvironment(root *folder, manager string) map[string]string {
	cache := inWorkspace(root.cachePath(manager))
	switch manager {
	case "pnpm":
		return map[string]string{"npm_config_store_dir": cache}
	case "yarn":
		return map[string]string{"YARN_CACHE_FOLDER": cache, "YARN_ENABLE_GLOBAL_CACHE": "false"}
	}
	return map[string]string{"npm_config_cache": cache}
}

// usualNode is the version for packages that ask for none.
const usualNode = "24"

func (p *Project) nodeVersion(t *tree, f, root *folder, m *packageJSON) {
	for _, at := range []*folder{f, root} {
		for _, name := range []string{".nvmrc", ".node-version"} {
			if v := version(t.text(at, name), 1); v != "" {
				p.Version = v
				p.because(at.at(name), "", "Node.js %s", v)
				return
			}
		}
		if p.toolVersion(t, at, "nodejs", 1) {
			return
		}
	}
	if rang := m.Engines["node"]; rang != "" {
		p.Version = versionOf(rang, usualNode, 1)
		p.because(f.at("package.json"), "engines.node", "Node.js %s", quoted(rang))
	}
}

// nodeScripts makes steps of the scripts whose names have a usual meaning.
func (p *Project) nodeScripts(f *folder, m *packageJSON) {
	for _, script := range []string{"lint", "typecheck", "type-check", "test", "build"} {
		text := m.Scripts[script]
		if text == "" || (script == "test" && strings.Contains(text, "no test specified")) {
			continue
		}
		why := p.because(f.at("package.json"), "scripts."+script, "%s", quoted(text))
		var artifacts []string
		if script == "build" {
			if out := m.output(); out != "" {
				artifacts = []string{out + "/**"}
			}
		}
		p.step(script, p.Tool+" run "+script, why, artifacts...)
	}
}
