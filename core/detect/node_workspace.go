package detect

import "encoding/json"

// nodeWorkspace is the workspace in a folder: pnpm has a file for it, npm and yarn a
// key.
func nodeWorkspace(t *tree, f *folder) *space {
	s := &space{folder: f, tool: "node"}
	if f.has("pnpm-workspace.yaml") {
		var m struct {
			Packages []string `yaml:"packages"`
		}
		t.parse(f, "pnpm-workspace.yaml", parseYAML, &m)
		s.patterns, s.program = m.Packages, "pnpm"
		s.why = Evidence{f.at("pnpm-workspace.yaml"), "packages", "packages installed together"}
		return s
	}
	if !f.has("package.json") {
		return nil
	}
	var m packageJSON
	t.parse(f, "package.json", parseJSON, &m)
	var object struct {
		Packages []string `json:"packages"`
	}
	if json.Unmarshal(m.Workspaces, &s.patterns) != nil {
		if json.Unmarshal(m.Workspaces, &object) != nil {
			return nil
		}
		s.patterns = object.Packages
	}
	s.program, _ = t.nodeManager(f, &m)
	s.why = Evidence{f.at("package.json"), "workspaces", "packages installed together"}
	return s
}
