package detect

import "path"

// cargoTOML is what is read of a Cargo.toml.
type cargoTOML struct {
	Package *struct {
		Name string `toml:"name"`
		// Rust is a version, or says that it is the workspace's.
		Rust any `toml:"rust-version"`
	} `toml:"package"`
	Workspace *struct {
		Members []string `toml:"members"`
		Exclude []string `toml:"exclude"`
	} `toml:"workspace"`
	Bin []struct {
		Name string `toml:"name"`
	} `toml:"bin"`
	Dependencies map[string]any `toml:"dependencies"`
}

// rustCrate recognises a crate, or a folder that only holds a workspace of them.
func rustCrate(t *tree, f *folder) *Project {
	if !f.has("Cargo.toml") {
		return nil
	}
	var m cargoTOML
	p := &Project{Type: "rust", Tool: "cargo", Confidence: Likely}
	is := p.because(f.at("Cargo.toml"), "", "a project of Cargo")
	if t.parse(f, "Cargo.toml", parseTOML, &m) {
		p.Confidence = Certain
	}
	root := f
	if s := t.spaceOf(f, "rust"); s != nil {
		root, p.Workspace = s.folder, s.folder.name
	}
	cache := root.cachePath("cargo")
	p.Environment = map[string]string{"CARGO_HOME": inWorkspace(cache)}
	p.rustVersion(t, f, root)
	locked := ""
	if root.has("Cargo.lock") {
		locked = " --locked"
	}
	if root == f {
		p.Cache = &Cache{Files: []string{f.at("Cargo.lock")}, Paths: []string{cache + "/registry", cache + "/git"}}
		if locked == "" {
			p.Cache.Files = []string{f.at("Cargo.toml")}
		}
		p.step("fetch", "cargo fetch"+locked, is)
	}
	if m.Package == nil && p.Confidence == Certain {
		return p // its members do the rest
	}
	if m.Package != nil {
		p.Name = m.Package.Name
		if rust, ok := m.Package.Rust.(string); ok && p.Version == "" {
			p.Version = version(rust, 2)
			p.because(f.at("Cargo.toml"), "package.rust-version", "Rust %s", quoted(rust))
		}
	}
	p.needs = keysOf(m.Dependencies)
	p.step("test", "cargo test"+locked, is)
	bin := t.rustProgram(f, p, &m)
	if bin == "" {
		p.step("build", "cargo build --release"+locked, is)
		return p
	}
	p.App = &App{Entry: bin}
	if len(m.Bin) == 0 && m.Workspace == nil {
		p.App.Output = "src/main.rs"
	}
	// A workspace has one folder for what is built.
	p.step("build", "cargo build --release"+locked, is, "/"+root.at("target/release/"+bin))
	return p
}

// rustProgram is the name of the crate's program, or "".
func (t *tree) rustProgram(f *folder, p *Project, m *cargoTOML) string {
	for _, bin := range m.Bin {
		if plainName(bin.Name) != "" && path.Base(bin.Name) == bin.Name {
			p.because(f.at("Cargo.toml"), "bin.name", "%s, a program", bin.Name)
			return bin.Name
		}
	}
	src := t.byName[path.Join(f.name, "src")]
	if src == nil || !src.has("main.rs") || path.Base(plainName(p.Name)) != p.Name {
		return ""
	}
	p.because(src.at("main.rs"), "", "a program")
	return p.Name
}

func (p *Project) rustVersion(t *tree, f, root *folder) {
	for _, at := range []*folder{f, root} {
		for _, name := range []string{"rust-toolchain.toml", "rust-toolchain"} {
			text := t.text(at, name)
			if text == "" {
				continue
			}
			var m struct {
				Toolchain struct {
					Channel string `toml:"channel"`
				} `toml:"toolchain"`
			}
			if parseTOML(text, &m) != nil { // the old form is only a name
				m.Toolchain.Channel = text
			}
			p.Version = version(m.Toolchain.Channel, 2)
			p.because(at.at(name), "toolchain.channel", "Rust %s", quoted(m.Toolchain.Channel))
			return
		}
	}
	p.toolVersion(t, f, "rust", 2)
}

// cargoWorkspace is the workspace in a folder.
func cargoWorkspace(t *tree, f *folder) *space {
	var m cargoTOML
	if !f.has("Cargo.toml") {
		return nil
	}
	t.parse(f, "Cargo.toml", parseTOML, &m)
	if m.Workspace == nil {
		return nil
	}
	s := &space{folder: f, tool: "rust", program: "cargo", patterns: m.Workspace.Members,
		why: Evidence{f.at("Cargo.toml"), "workspace.members", "crates built together"}}
	for _, pattern := range m.Workspace.Exclude {
		s.patterns = append(s.patterns, "!"+pattern)
	}
	return s
}
