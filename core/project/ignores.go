package project

import (
	"fmt"
	"path"
	"path/filepath"
)

// Ignores are the patterns that hold in a folder of a project, for those who look
// through one without copying it. It does not change; it may be used concurrently.
type Ignores struct {
	rules *rules
	// prefix is the way from the work tree's top to the project: patterns are about
	// paths from there.
	prefix string
}

// IgnoresAround returns the patterns that hold in a project from outside of it: of the
// folders of a git work tree around it, and of the repository. What is in the project
// itself is for Enter.
func IgnoresAround(top string) (*Ignores, error) {
	top, err := filepath.Abs(top)
	if err != nil {
		return nil, err
	}
	s := scan{top: top}
	around, err := s.aroundIt()
	if err != nil {
		return nil, fmt.Errorf("read what git ignores: %w", err)
	}
	return &Ignores{rules: around, prefix: s.prefix}, nil
}

// Enter returns the patterns that hold in a folder: i, and those of its .gitignore and
// .patchbayignore. The name is from the project's top, with slashes, "." for the top
// itself. Files that are links are not read.
func (i *Ignores) Enter(top, name string) (*Ignores, error) {
	inside := i.prefix
	if name != "." {
		inside += name + "/"
	}
	rules, err := i.rules.enter(filepath.Join(top, filepath.FromSlash(name)), inside)
	if err != nil {
		return nil, fmt.Errorf("read what git ignores: %w", err)
	}
	return &Ignores{rules: rules, prefix: i.prefix}, nil
}

// Match reports whether the patterns leave a path out. The name is as for Enter; the
// folders around it must have been entered.
func (i *Ignores) Match(name string, isFolder bool) bool {
	return i.rules.ignores(i.prefix+path.Clean(name), isFolder, false)
}
