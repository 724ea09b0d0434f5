package detect

import (
	"path"
	"strings"
)

// gradleProject recognises a project of Gradle. Its files are programs, which are not
// run: what they say is looked for in their text.
func gradleProject(t *tree, f *folder) *Project {
	build := f.first("build.gradle", "build.gradle.kts")
	main := build
	if main == "" {
		main = f.first("settings.gradle", "settings.gradle.kts")
	}
	if main == "" {
		return nil
	}
	p := &Project{Type: "java", Tool: "gradle", Confidence: Certain}
	is := p.because(f.at(main), "", "a project of Gradle")
	text := t.text(f, build)
	if build != "" && text == "" {
		p.Confidence = Likely
	}
	root := f
	if s := t.spaceOf(f, "java"); s != nil {
		root, p.Workspace = s.folder, s.folder.name
	}
	if v := version(argument(text, "JavaLanguageVersion.of("), 1); v != "" {
		p.Version = v
		p.because(f.at(build), "java.toolchain.languageVersion", "Java %s", v)
	} else {
		p.javaVersion(t, f, root)
	}
	home := root.cachePath("gradle")
	p.Environment = map[string]string{"GRADLE_USER_HOME": inWorkspace(home)}
	gradle := t.wrapper(p, root, root, "gradlew", "gradle") + " --no-daemon "
	if root == f {
		p.Cache = &Cache{Files: []string{path.Join(f.name, "**/*.gradle*"), path.Join(f.name, "**/gradle-wrapper.properties")},
			Paths: []string{home + "/caches", home + "/wrapper"}}
	}
	jars := "build/libs/*.jar"
	switch {
	case t.spaceAt(f, "java") != nil && build == "":
		p.step("projects", gradle+"projects", is)
		return p
	case t.spaceAt(f, "java") != nil:
		p.step("build", gradle+":build", is)
		return p
	case root != f:
		task := ":" + strings.ReplaceAll(relative(root.name, f.name), "/", ":") + ":build"
		p.step("build", gradle+"'"+task+"'", is, jars) // a folder's name may have spaces
		p.Steps[0].Folder = root.name
	default:
		p.step("build", gradle+"build", is, jars)
	}
	if strings.Contains(text, "org.springframework.boot") && root == f {
		p.because(f.at(build), "plugins", "Spring Boot: a jar that runs")
		p.App = &App{Output: "build/libs/*.jar", Port: 8080}
	}
	for _, other := range arguments(text, "project(") {
		p.needs = append(p.needs, path.Base(strings.ReplaceAll(other, ":", "/")))
	}
	return p
}

// gradleSettings is the workspace of a folder whose settings include projects.
func gradleSettings(t *tree, f *folder) *space {
	name := f.first("settings.gradle", "settings.gradle.kts")
	if name == "" {
		return nil
	}
	s := &space{folder: f, tool: "java", program: "gradle", why: Evidence{f.at(name), "include", "projects built together"}}
	for line := range strings.SplitSeq(t.text(f, name), "\n") {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "//")
		rest, included := strings.CutPrefix(line, "include")
		if !included || strings.HasPrefix(rest, "Build") || (rest != "" && !strings.ContainsAny(rest[:1], " (\t")) {
			continue
		}
		for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" \t(),", r) }) {
			if word = strings.Trim(word, `"'`); word != "" {
				s.patterns = append(s.patterns, strings.ReplaceAll(strings.TrimPrefix(word, ":"), ":", "/"))
			}
		}
	}
	return s
}

// argument is what is in the brackets of the first call that begins so.
func argument(text, call string) string {
	if list := arguments(text, call); len(list) > 0 {
		return list[0]
	}
	return ""
}

// arguments are what is in the brackets of calls, without quotes; 100 at most.
func arguments(text, call string) []string {
	var list []string
	for len(list) < 100 {
		_, rest, found := strings.Cut(text, call)
		if !found {
			break
		}
		inner, _, closed := strings.Cut(rest, ")")
		if text = rest; closed && len(inner) < 200 {
			list = append(list, strings.Trim(strings.TrimSpace(inner), `"'`))
		}
	}
	return list
}
