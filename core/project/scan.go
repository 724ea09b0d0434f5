package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/patchbay-ci/patchbay/core"
)

// serverData is what a server calls the folder of its data.
const serverData = ".patchbay"

// gitFolder is what git keeps a repository in.
const gitFolder = ".git"

// entry is something to be copied. Folders come before what is in them.
type entry struct {
	name string // from the project's folder, with slashes
	info fs.FileInfo
}

// scan looks through a project.
type scan struct {
	ctx    context.Context
	name   string // as the user calls it
	top    string
	into   fs.FileInfo // where the copy will be, if that is in the project
	limits Limits

	// prefix is the way from the work tree's top to the project, "" or with a slash at
	// its end: patterns are about paths from there.
	prefix  string
	entries []entry
	bytes   core.Size
	count   int
	summary Summary
	// sizes are those of what is directly in the project, for who has to choose.
	sizes map[string]core.Size
}

// countedBeyond is how many times too many files a project may have until counting
// them ends: the error should name the largest folders, but soon.
const countedBeyond = 5

var errEnoughCounted = errors.New("it is known to be too large")

func (s *scan) run() error {
	around, err := s.aroundIt()
	if err == nil {
		err = s.folder("", around, false)
	}
	switch {
	case errors.Is(err, errEnoughCounted), err == nil && s.tooLarge():
		return s.refusal()
	case err != nil:
		return fmt.Errorf("look through the project in %s: %w", s.name, err)
	}
	s.summary.Bytes = s.bytes
	return nil
}

func (s *scan) tooLarge() bool { return s.bytes > s.limits.Bytes || s.count > s.limits.Files }

// aroundIt returns the patterns that hold in the project from outside of it: when it
// is a part of a work tree, those of the folders on the way, and those that git keeps
// for the repository.
func (s *scan) aroundIt() (*rules, error) {
	tree := s.top
	for !isWorkTree(tree) {
		if filepath.Dir(tree) == tree {
			return nil, nil
		}
		tree = filepath.Dir(tree)
	}
	base := &rules{}
	if err := base.read(filepath.Join(tree, gitFolder, "info", "exclude"), false); err != nil && !errors.Is(err, syscall.ENOTDIR) {
		return nil, err
	}
	way, err := filepath.Rel(tree, s.top)
	if err != nil || way == "." {
		return base, err
	}
	s.prefix = filepath.ToSlash(way) + "/"
	around := base
	for i, c := range s.prefix {
		if c != '/' {
			continue
		}
		above := path.Dir(s.prefix[:i])
		name := ""
		if above != "." {
			name = above + "/"
		}
		if around, err = around.enter(filepath.Join(tree, filepath.FromSlash(above)), name); err != nil {
			return nil, err
		}
	}
	return around, nil
}

// InWorkTree reports whether a folder is a git work tree or in one.
func InWorkTree(folder string) bool {
	folder, err := filepath.Abs(folder)
	for err == nil && !isWorkTree(folder) {
		if filepath.Dir(folder) == folder {
			return false
		}
		folder = filepath.Dir(folder)
	}
	return err == nil
}

// isWorkTree reports whether a folder has a .git: a folder, or the file that stands
// for one in further work trees and submodules.
func isWorkTree(folder string) bool {
	_, err := os.Lstat(filepath.Join(folder, gitFolder))
	return err == nil
}

// folder notes what is in a folder, and in those in it. Below .git nothing is left
// out but the locks of who is at work there.
func (s *scan) folder(name string, around *rules, inGit bool) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	at := filepath.Join(s.top, filepath.FromSlash(name))
	list, err := os.ReadDir(at)
	switch {
	case errors.Is(err, fs.ErrNotExist) && name != "":
		return nil // gone by now
	case errors.Is(err, fs.ErrPermission) && name != "":
		s.summary.leaveOut(name+"/", "may not be read")
		return nil
	case err != nil:
		return err
	}
	prefix := ""
	if name != "" {
		prefix = name + "/"
	}
	inside := around
	if !inGit {
		if inside, err = around.enter(at, s.prefix+prefix); err != nil {
			return err
		}
	}
	for _, found := range list {
		if inGit && strings.HasSuffix(found.Name(), ".lock") {
			continue
		}
		isGit := inGit || found.Name() == gitFolder
		if found.Name() == serverData || (!inGit && inside.ignores(s.prefix+prefix+found.Name(), found.IsDir(), isGit)) {
			continue
		}
		if err := s.note(prefix+found.Name(), found, inside, isGit); err != nil {
			return err
		}
	}
	return nil
}

// note adds one entry, and what is in it.
func (s *scan) note(name string, found fs.DirEntry, around *rules, inGit bool) error {
	info, err := found.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone by now
	}
	if err != nil {
		return err
	}
	switch kind := info.Mode().Type(); {
	case kind == fs.ModeDir && os.SameFile(info, s.into):
		return nil
	case kind == fs.ModeDir && path.Base(name) == gitFolder:
		if reason := s.worksOn(name); reason != "" {
			s.summary.leaveOut(name+"/", reason)
			return nil
		}
	case kind == 0:
		if reason := s.standsFor(name); reason != "" {
			s.summary.leaveOut(name, reason)
			return nil
		}
		s.bytes += core.Size(info.Size())
		first, _, _ := strings.Cut(name, "/")
		s.sizes[first] += core.Size(info.Size())
	case kind == fs.ModeSymlink:
		reason := s.leadsOut(name)
		if reason == "" && path.Base(name) == gitFolder {
			reason = s.worksOn(name)
		}
		if reason != "" {
			s.summary.leaveOut(name, reason)
			return nil
		}
	case kind != fs.ModeDir:
		s.summary.leaveOut(name, "neither file, folder nor link")
		return nil
	}
	if s.count++; s.count > s.limits.Files*countedBeyond {
		return errEnoughCounted
	}
	if !s.tooLarge() {
		s.entries = append(s.entries, entry{name, info})
	}
	if info.IsDir() {
		return s.folder(name, around, inGit)
	}
	return nil
}

// leadsOut says why a link cannot be brought in, or "". Its words must not lead out of
// the project, and neither must the place that it leads to, if there is one.
func (s *scan) leadsOut(name string) string {
	at := filepath.Join(s.top, filepath.FromSlash(name))
	target, err := os.Readlink(at)
	switch {
	case err != nil:
		return "a link that cannot be read"
	case filepath.IsAbs(target):
		return "a link to " + target + ", which is not relative"
	case !filepath.IsLocal(filepath.Join(filepath.Dir(filepath.FromSlash(name)), target)):
		return "a link that leads out of the project, to " + target
	}
	end, err := filepath.EvalSymlinks(at)
	if err != nil { // nothing is there; the folder that it would be in may be
		way := filepath.Dir(at) + "/" + target
		end, err = filepath.EvalSymlinks(way[:strings.LastIndex(way, "/")])
	}
	if err == nil {
		if way, err := filepath.Rel(s.top, end); err != nil || !filepath.IsLocal(way) {
			return "a link that leads out of the project, to " + end
		}
	}
	return ""
}

// refusal is the error of a project that is too large.
func (s *scan) refusal() error {
	names := slices.SortedFunc(maps.Keys(s.sizes), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.sizes[b], s.sizes[a]), cmp.Compare(a, b))
	})
	var largest []string
	for _, name := range names[:min(3, len(names))] {
		largest = append(largest, fmt.Sprintf("%s (%s)", name, s.sizes[name]))
	}
	e := core.Errorf(core.CodeTooLarge, "the project in %s has %d files of %s; %d files of %s are the most that is brought into a workspace",
		s.name, s.count, s.bytes, s.limits.Files, s.limits.Bytes)
	if s.count > s.limits.Files*countedBeyond {
		e.Message = strings.Replace(e.Message, " has ", " has more than ", 1)
	}
	e.Details = "the largest: " + strings.Join(largest, ", ")
	e.Suggestions = []string{"name what the run does not need in " + ownIgnore,
		"or run in the project itself with --workspace, or without its files with --no-project"}
	return e
}
