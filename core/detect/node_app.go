package detect

import (
	"path"
	"strings"
)

// bundlers are what makes a site or a program out of a package, and where.
var bundlers = []struct {
	uses, output string
	static       bool
}{
	{"next", ".next", false}, {"nuxt", ".output", false}, {"@nestjs/core", "dist", false}, {"@remix-run/dev", "build", false},
	{"astro", "dist", true}, {"react-scripts", "build", true}, {"gatsby", "public", true}, {"vite", "dist", true},
	{"@vue/cli-service", "dist", true}, {"parcel", "dist", true},
}

// output is the folder that the build script fills, or "".
func (m *packageJSON) output() string {
	for _, b := range bundlers {
		if m.uses(b.uses) {
			return b.output
		}
	}
	if m.uses("typescript") && strings.HasPrefix(m.Scripts["build"], "tsc") && strings.HasPrefix(path.Clean(m.Main), "dist/") {
		return "dist"
	}
	return ""
}

// nodeApp says how the package runs: by its start script, or, for a site that is only
// built, by a web server.
func (p *Project) nodeApp(f *folder, m *packageJSON) {
	start := m.Scripts["start"]
	for _, b := range bundlers {
		if b.static && m.uses(b.uses) && m.Scripts["build"] != "" && !serves(start) {
			p.because(f.at("package.json"), "dependencies."+b.uses, "a site that is built into %s", b.output)
			p.App = &App{Output: b.output, Static: true}
			return
		}
	}
	switch words := plainWords(start); {
	case start != "" && len(words) > 1 && words[0] == "node":
		p.because(f.at("package.json"), "scripts.start", "%s", quoted(start))
		p.App = &App{Command: words, Port: 3000}
	case start != "":
		p.because(f.at("package.json"), "scripts.start", "%s", quoted(start))
		p.App = &App{Command: []string{p.Tool, "run", "start"}, Port: 3000}
	case f.has("server.js"):
		p.because(f.at("server.js"), "", "what npm starts when no script says otherwise")
		p.App = &App{Command: []string{"node", "server.js"}, Port: 3000}
	}
	if p.App != nil {
		p.App.Output = m.output()
	}
}

// serves reports whether a start script is a program of the project's own, and not the
// development server of what builds it.
func serves(start string) bool {
	words := strings.Fields(start)
	return len(words) > 1 && (words[0] == "node" || words[0] == "bun" || words[0] == "deno")
}
