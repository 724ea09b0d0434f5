package detect

import (
	"path"
	"strings"
)

// pomXML is what is read of a pom.xml.
type pomXML struct {
	ArtifactID string `xml:"artifactId"`
	Packaging  string `xml:"packaging"`
	Parent     struct {
		ArtifactID string `xml:"artifactId"`
	} `xml:"parent"`
	Modules    []string `xml:"modules>module"`
	Properties struct {
		Release  string `xml:"maven.compiler.release"`
		Source   string `xml:"maven.compiler.source"`
		Java     string `xml:"java.version"`
		MainJava string `xml:"exec.mainClass"`
	} `xml:"properties"`
	Dependencies []struct {
		ArtifactID string `xml:"artifactId"`
	} `xml:"dependencies>dependency"`
	Plugins []struct {
		ArtifactID string `xml:"artifactId"`
	} `xml:"build>plugins>plugin"`
}

// mavenModule recognises a project of Maven.
func mavenModule(t *tree, f *folder) *Project {
	if !f.has("pom.xml") {
		return nil
	}
	var m pomXML
	p := &Project{Type: "java", Tool: "maven", Confidence: Likely}
	is := p.because(f.at("pom.xml"), "", "a project of Maven")
	if t.parse(f, "pom.xml", parseXML, &m) {
		p.Confidence = Certain
		p.Name = strings.TrimSpace(m.ArtifactID)
	}
	root := f
	if s := t.spaceOf(f, "java"); s != nil {
		root, p.Workspace = s.folder, s.folder.name
	}
	p.javaVersion(t, f, root, m.Properties.Release, m.Properties.Java, m.Properties.Source)
	for _, d := range m.Dependencies {
		p.needs = append(p.needs, strings.TrimSpace(d.ArtifactID))
	}
	p.needs = append(p.needs, strings.TrimSpace(m.Parent.ArtifactID))
	repository := root.cachePath("maven")
	if root == f {
		p.Cache = &Cache{Files: []string{path.Join(f.name, "**/pom.xml")}, Paths: []string{repository}}
	}
	mvn := t.wrapper(p, root, f, "mvnw", "mvn") + ` --batch-mode -Dmaven.repo.local="$CI_WORKSPACE/` + repository + `" `
	switch {
	case t.spaceAt(f, "java") != nil:
		p.step("install", mvn+"--non-recursive install", is)
	case p.Workspace != "" && len(m.Modules) > 0:
		p.step("install", mvn+"--non-recursive install", is)
	case p.Workspace != "": // installed, so that the modules that need it find it
		p.step("install", mvn+"install", is, m.artifacts()...)
	default:
		p.step("verify", mvn+"verify", is, m.artifacts()...)
	}
	if m.runs() {
		p.because(f.at("pom.xml"), "build.plugins", "packed as a program that runs")
		p.App = &App{Output: "target/*.jar", Port: 8080}
	}
	return p
}

func (m *pomXML) artifacts() []string {
	switch strings.TrimSpace(m.Packaging) {
	case "", "jar":
		return []string{"target/*.jar"}
	case "war":
		return []string{"target/*.war"}
	}
	return nil
}

// runs reports whether the jar has everything that it needs: by the plugins that pack
// it so.
func (m *pomXML) runs() bool {
	for _, plugin := range m.Plugins {
		switch strings.TrimSpace(plugin.ArtifactID) {
		case "spring-boot-maven-plugin", "maven-shade-plugin":
			return true
		}
	}
	return false
}

// wrapper is the command of the program that comes with the project, if it does. Git
// may have lost that it can be executed.
func (t *tree) wrapper(p *Project, root, f *folder, script, program string) string {
	if !root.has(script) {
		return program
	}
	p.because(root.at(script), "", "the version of %s that the project brings", program)
	call := "./" + script
	if root != f {
		call = `"$CI_WORKSPACE/` + root.at(script) + `"`
	}
	if root.files[script]&0o100 == 0 {
		return "sh " + call
	}
	return call
}

// javaVersion takes the first that is given.
func (p *Project) javaVersion(t *tree, f, root *folder, inPom ...string) {
	for i, key := range []string{"maven.compiler.release", "java.version", "maven.compiler.source"} {
		if i >= len(inPom) {
			break
		}
		if v := javaMajor(inPom[i]); v != "" {
			p.Version = v
			p.because(f.at("pom.xml"), "properties."+key, "Java %s", v)
			return
		}
	}
	for _, at := range []*folder{f, root} {
		if v := javaMajor(t.text(at, ".java-version")); v != "" {
			p.Version = v
			p.because(at.at(".java-version"), "", "Java %s", v)
			return
		}
	}
	p.toolVersion(t, root, "java", 1)
}

// javaMajor is the number by which a Java is known: 8 of 1.8.
func javaMajor(text string) string {
	if v, old := strings.CutPrefix(version(text, 2), "1."); old {
		return v
	}
	return version(text, 1)
}

// mavenModules is the workspace of a folder whose pom.xml names modules.
func mavenModules(t *tree, f *folder) *space {
	var m pomXML
	if !f.has("pom.xml") {
		return nil
	}
	t.parse(f, "pom.xml", parseXML, &m)
	if len(m.Modules) == 0 {
		return nil
	}
	s := &space{folder: f, tool: "java", program: "maven", why: Evidence{f.at("pom.xml"), "modules", "modules built together"}}
	for _, module := range m.Modules {
		s.patterns = append(s.patterns, strings.TrimSuffix(strings.TrimSpace(module), "/pom.xml"))
	}
	return s
}
