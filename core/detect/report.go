package detect

import (
	"fmt"
	"slices"
)

// Report is what a folder holds.
type Report struct {
	// Projects are ordered by depth, then by path; those that others depend on may
	// come after them.
	Projects   []*Project   `json:"projects"`
	Workspaces []*Workspace `json:"workspaces"`
	// Warnings say what was left out, or was there and could not be understood.
	Warnings []Warning `json:"warnings"`
	// Entries counts the files and folders that were looked at by name.
	Entries int `json:"entries"`
	// Truncated tells that there was more than the limits allow.
	Truncated bool `json:"truncated"`
}

// Warning is about a file or folder, named from the top.
type Warning struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// maxWarnings bounds them: a tree may have thousands of broken files.
const maxWarnings = 50

func (t *tree) warn(path, format string, args ...any) {
	w := Warning{path, fmt.Sprintf(format, args...)}
	if len(t.report.Warnings) < maxWarnings && !slices.Contains(t.report.Warnings, w) {
		t.report.Warnings = append(t.report.Warnings, w)
	}
}

// Confidence says how sure it is that a project is of its type.
type Confidence string

// The confidences.
const (
	// Certain: the project's own file says so, and was understood.
	Certain Confidence = "certain"
	// Likely: there is such a file; it could not be understood, or tells little.
	Likely Confidence = "likely"
	// Guess: other kinds of projects have such a file, too.
	Guess Confidence = "guess"
)

// Evidence is why something was concluded.
type Evidence struct {
	// File is from the top, with slashes; Key is the place in it, "" for the file itself.
	File string `json:"file"`
	Key  string `json:"key,omitempty"`
	// Says is what it says, or what follows from it.
	Says string `json:"says"`
}

// String is for people: "go.mod go: version 1.26".
func (e Evidence) String() string {
	if e.Key == "" {
		return e.File + ": " + e.Says
	}
	return e.File + " " + e.Key + ": " + e.Says
}

// Project is one thing that is built by itself.
type Project struct {
	// Path is its folder, from the top, with slashes; "." is the top. Name is what it
	// calls itself, or else its folder's. Both mean nothing but themselves to a shell,
	// though a Path may have spaces.
	Path string `json:"path"`
	Name string `json:"name"`
	// Type is go, node, python, rust, java, dotnet, php, ruby, static, make or docker;
	// Tool is the program that builds it: npm, poetry, gradle.
	Type string `json:"type"`
	Tool string `json:"tool"`
	// Version is that of the language, as the project asks for it; "" if it does not.
	Version    string     `json:"version,omitempty"`
	Confidence Confidence `json:"confidence"`
	Evidence   []Evidence `json:"evidence"`
	// Workspace is the folder of the workspace that it is a member of.
	Workspace string `json:"workspace,omitempty"`
	// DependsOn are the paths of projects whose steps come before.
	DependsOn []string `json:"depends_on,omitempty"`
	// Environment is for all steps. ${CI_WORKSPACE} stands for the top.
	Environment map[string]string `json:"environment,omitempty"`
	Cache       *Cache            `json:"cache,omitempty"`
	Steps       []Step            `json:"steps"`
	// App is what it is when it runs; nil for what does not, or is not known to.
	App *App `json:"app,omitempty"`

	// needs are what its own files name as dependencies; connect finds projects in them.
	needs []string
}

// Step is one thing to do, in the order of Project.Steps, of which there may be none.
type Step struct {
	Name   string `json:"name"`
	Script string `json:"script"`
	// Folder is where it runs, if not in the project's.
	Folder string `json:"folder,omitempty"`
	// Artifacts are patterns of what it makes, from the top.
	Artifacts []string `json:"artifacts,omitempty"`
	Why       Evidence `json:"why"`
}

// Cache is what the first step downloads and later runs need again.
type Cache struct {
	// Files are those whose content says what is in the cache, from the top.
	Files []string `json:"files"`
	// Paths are its folders, from the top.
	Paths []string `json:"paths"`
}

// App is how a project runs when it is built.
type App struct {
	// Entry is what is built or started: a package, the name of a binary, a file.
	Entry string `json:"entry,omitempty"`
	// Command starts it, where the language alone does not say how.
	Command []string `json:"command,omitempty"`
	// Output is the folder or file that the build makes, from the project's folder; of
	// Rust and PHP, the source or folder that it begins with.
	Output string `json:"output,omitempty"`
	// Static tells that Output is for a web server, and that nothing runs.
	Static bool `json:"static,omitempty"`
	// Port is what it is known to listen on; 0 is unknown.
	Port int `json:"port,omitempty"`
}

// Workspace is several projects that one tool builds together.
type Workspace struct {
	Path     string   `json:"path"`
	Tool     string   `json:"tool"`
	Members  []string `json:"members"`
	Evidence Evidence `json:"evidence"`
}

// because adds evidence.
func (p *Project) because(file, key, format string, args ...any) Evidence {
	e := Evidence{file, key, fmt.Sprintf(format, args...)}
	p.Evidence = append(p.Evidence, e)
	return e
}

// step adds one. Artifacts are from the project's folder, or, with a slash first, from
// the top; ! before either takes files away.
func (p *Project) step(name, script string, why Evidence, artifacts ...string) {
	p.Steps = append(p.Steps, Step{Name: name, Script: script, Why: why, Artifacts: artifacts})
}
