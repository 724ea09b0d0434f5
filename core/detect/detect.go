// Package detect recognises what kind of project a folder holds, and what is
// usually done to build and test one of that kind.
package detect

import (
	"errors"
	"io/fs"
)

// Project is what a folder seems to hold.
type Project struct {
	// Type is a word for people and programs: "go", "node", "docker".
	Type string `json:"type"`
	// Evidence is the file that gave it away.
	Evidence string `json:"evidence"`
	// Steps are what is usually done, in order.
	Steps []Step `json:"steps"`
}

// Step is one usual thing to do.
type Step struct {
	Name   string `json:"name"`
	Script string `json:"script"`
}

// kinds lists what is recognised; the first match is the main one of a folder.
var kinds = []struct {
	name     string
	evidence []string
	steps    []Step
}{
	{"go", []string{"go.mod"}, []Step{{"vet", "go vet ./..."}, {"test", "go test ./..."}, {"build", "go build ./..."}}},
	{"rust", []string{"Cargo.toml"}, []Step{{"check", "cargo check --locked"}, {"test", "cargo test --locked"}, {"build", "cargo build --release --locked"}}},
	{"node", []string{"package.json"}, []Step{{"install", "npm ci"}, {"test", "npm test"}, {"build", "npm run build --if-present"}}},
	{"python", []string{"pyproject.toml", "setup.py", "requirements.txt"}, []Step{{"install", "python3 -m venv .venv\n.venv/bin/pip install -e . || .venv/bin/pip install -r requirements.txt"}, {"test", ".venv/bin/python -m pytest"}}},
	{"maven", []string{"pom.xml"}, []Step{{"verify", "mvn --batch-mode verify"}}},
	{"gradle", []string{"build.gradle", "build.gradle.kts"}, []Step{{"build", "./gradlew build"}}},
	{"dotnet", []string{"global.json", "Directory.Build.props"}, []Step{{"build", "dotnet build"}, {"test", "dotnet test"}}},
	{"make", []string{"Makefile"}, []Step{{"make", "make"}}},
	{"docker", []string{"Dockerfile"}, []Step{{"build", "docker build ."}}},
}

// Detect returns what the folder holds, the main kind first; none for a folder
// that tells nothing. It looks at the names in the folder itself only.
func Detect(folder fs.FS) ([]Project, error) {
	var found []Project
	for _, kind := range kinds {
		for _, name := range kind.evidence {
			info, err := fs.Stat(folder, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if info.Mode().IsRegular() {
				found = append(found, Project{Type: kind.name, Evidence: name, Steps: kind.steps})
				break
			}
		}
	}
	return found, nil
}
