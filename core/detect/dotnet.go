package detect

import (
	"path"
	"strings"
)

// csproj is what is read of a project file of MSBuild.
type csproj struct {
	SDK    string `xml:"Sdk,attr"`
	Groups []struct {
		Framework  string `xml:"TargetFramework"`
		Frameworks string `xml:"TargetFrameworks"`
		OutputType string `xml:"OutputType"`
		Assembly   string `xml:"AssemblyName"`
	} `xml:"PropertyGroup"`
	Items []struct {
		Packages []struct {
			Include string `xml:"Include,attr"`
		} `xml:"PackageReference"`
	} `xml:"ItemGroup"`
}

// dotnetProject recognises a solution, with all that it has, or a project that is in
// none.
func dotnetProject(t *tree, f *folder) *Project {
	solutions := f.ending(".sln", ".slnx")
	own := f.ending(".csproj", ".fsproj", ".vbproj")
	if len(solutions) == 0 && len(own) == 0 {
		return nil
	}
	for _, o := range t.around(f) {
		if o.holds("dotnet") {
			return nil // the solution above builds it
		}
	}
	main := append(solutions, own...)[0]
	p := &Project{Type: "dotnet", Tool: "dotnet", Confidence: Likely}
	p.Name = strings.TrimSuffix(main, path.Ext(main))
	is := p.because(f.at(main), "", "a .NET project")
	tests := t.dotnetProjects(p, f, len(solutions) > 0)
	var sdk struct {
		SDK struct {
			Version string `json:"version"`
		} `json:"sdk"`
	}
	if t.parse(f, "global.json", parseJSON, &sdk) && sdk.SDK.Version != "" {
		p.Version = version(sdk.SDK.Version, 2)
		p.because(f.at("global.json"), "sdk.version", ".NET %s", quoted(sdk.SDK.Version))
	}
	cache := f.cachePath("nuget")
	p.Environment = map[string]string{"NUGET_PACKAGES": inWorkspace(cache), "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1"}
	p.Cache = &Cache{Files: []string{path.Join(f.name, "**/*.csproj"), path.Join(f.name, "**/packages.lock.json"), f.at("global.json")}, Paths: []string{cache}}
	what := ""
	if plainName(main) != "" {
		what = " " + main
	}
	p.step("restore", "dotnet restore"+what, is)
	p.step("build", "dotnet build"+what+" --configuration Release --no-restore", is)
	if tests != "" {
		p.step("test", "dotnet test"+what+" --configuration Release --no-build", p.because(tests, "PackageReference", "Microsoft.NET.Test.Sdk: tests"))
	}
	if p.App != nil {
		p.step("publish", "dotnet publish "+p.App.Entry+" --configuration Release --output publish", is, "publish/**")
	}
	return p
}

// dotnetProjects reads the project files, in a solution also those below, and returns
// one of tests. It notes the framework and the program that is found first.
func (t *tree) dotnetProjects(p *Project, top *folder, deep bool) (tests string) {
	folders := []*folder{top}
	if deep {
		folders = t.below(top)
	}
	for _, f := range folders {
		for _, name := range f.ending(".csproj", ".fsproj", ".vbproj") {
			var m csproj
			if !t.parse(f, name, parseXML, &m) {
				continue
			}
			p.Confidence = Certain
			if m.isTest() {
				tests = f.at(name)
			}
			assembly, program := strings.TrimSuffix(name, path.Ext(name)), strings.HasSuffix(m.SDK, ".Web") || strings.HasSuffix(m.SDK, ".Worker")
			for _, group := range m.Groups {
				if v := framework(group.Framework + group.Frameworks); v != "" && p.Version == "" {
					p.Version = v
					p.because(f.at(name), "TargetFramework", ".NET %s", v)
				}
				program = program || strings.EqualFold(group.OutputType, "Exe")
				if plainName(group.Assembly) != "" {
					assembly = group.Assembly
				}
			}
			entry := plainName(relative(top.name, f.at(name)))
			if program && !m.isTest() && p.App == nil && entry != "" && plainName(assembly) != "" {
				p.because(f.at(name), "Project", "a program")
				p.App = &App{Entry: entry, Output: assembly + ".dll"}
				if strings.HasSuffix(m.SDK, ".Web") {
					p.App.Port = 8080
				}
			}
		}
	}
	return tests
}

func (m *csproj) isTest() bool {
	for _, group := range m.Items {
		for _, reference := range group.Packages {
			if reference.Include == "Microsoft.NET.Test.Sdk" || reference.Include == "xunit" || reference.Include == "MSTest" {
				return true
			}
		}
	}
	return false
}

// framework is the version in "net8.0" or the newest in "net6.0;net8.0"; "" for
// the frameworks before .NET 5.
func framework(text string) string {
	best := ""
	for word := range strings.SplitSeq(text, ";") {
		word = strings.TrimSpace(word)
		if rest, ok := strings.CutPrefix(word, "net"); ok && strings.Contains(rest, ".") && rest[0] >= '1' && rest[0] <= '9' {
			if v := version(rest, 2); newer(v, best) {
				best = v
			}
		}
	}
	return best
}
