package artifacts

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/patchbay-ci/patchbay/core"
)

// selection is what globs choose of a workspace.
type selection struct {
	include []glob
	exclude []string
}

// glob is a pattern and the folder or file where its matches are, or below it.
type glob struct {
	base, pattern string
	literal       bool // base is the one match
	depth         int  // of the deepest that can match; 0 when there is no such
}

// parse reads globs (doublestar) relative to the workspace. Those that begin with !
// take away what the others choose, wherever they stand.
func parse(patterns []string) (selection, error) {
	var s selection
	for _, written := range patterns {
		pattern, excluded := strings.CutPrefix(written, "!")
		invalid := func(why string) (selection, error) {
			return s, &core.Error{Code: core.CodeInvalid, Message: "the path " + written + " " + why,
				Suggestions: []string{"give a path or a glob that is relative to the workspace, as in dist/** or !**/*.tmp"}}
		}
		switch clean := path.Clean(pattern); {
		case pattern == "":
			return invalid("is empty")
		case path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../"):
			return invalid("leaves the workspace")
		case strings.ContainsRune(clean, 0) || !doublestar.ValidatePattern(clean):
			return invalid("is no glob")
		case excluded:
			s.exclude = append(s.exclude, clean)
		case !strings.ContainsAny(clean, `*?[{\`):
			s.include = append(s.include, glob{base: clean, pattern: clean, literal: true})
		default:
			base, _ := doublestar.SplitPattern(clean)
			g := glob{base: base, pattern: clean}
			if !strings.Contains(clean, "**") && !strings.ContainsAny(clean, `{[\`) {
				g.depth = depthOf(clean)
			}
			s.include = append(s.include, g)
		}
	}
	return s, nil
}

// walk calls visit once for every entry that is chosen: files, and folders with all
// that is below them, in any order between globs. A symlink is an entry and never
// walked into, unless a glob names it without wildcards. What vanishes meanwhile is
// left out; what cannot be read is an error.
func (s *selection) walk(ctx context.Context, root *os.Root, visit func(name string, entry fs.DirEntry) error) error {
	seen := map[string]bool{}
	for _, g := range s.include {
		if s.excluded(g.base, true) || leadsNowhere(root, g.base) {
			continue
		}
		whole := "\x00" // the folder below which everything is chosen; none yet
		err := fs.WalkDir(root.FS(), g.base, func(name string, entry fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
				return nil
			}
			if err != nil {
				return unreadable(name, err)
			}
			if s.excluded(name, false) {
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			if !inside(name, whole) {
				if !g.matches(name) {
					if entry.IsDir() && g.depth > 0 && name != "." && depthOf(name) >= g.depth {
						return fs.SkipDir
					}
					return nil
				}
				if entry.IsDir() {
					whole = name
				}
			}
			if seen[name] {
				return nil
			}
			seen[name] = true
			return visit(name, entry)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// leadsNowhere reports whether name is, or is below, a symlink out of the workspace,
// in a circle or to nothing.
func leadsNowhere(root *os.Root, name string) bool {
	_, err := root.Stat(name)
	return err != nil && !errors.Is(err, fs.ErrPermission)
}

func (g *glob) matches(name string) bool {
	if g.literal {
		return name == g.base
	}
	// The pattern was validated, and dots are no folder to name.
	matched, err := doublestar.Match(g.pattern, name)
	return err == nil && matched && name != "."
}

// excluded reports whether an entry is taken away, with above also by one that names
// a folder it is in: while walking, that one was met before.
func (s *selection) excluded(name string, above bool) bool {
	for {
		for _, pattern := range s.exclude {
			if matched, err := doublestar.Match(pattern, name); err == nil && matched {
				return true
			}
		}
		if name == "." || !above {
			return false
		}
		name = path.Dir(name)
	}
}

func depthOf(name string) int { return strings.Count(name, "/") + 1 }

// inside reports whether name is folder or below it.
func inside(name, folder string) bool {
	return name == folder || folder == "." || strings.HasPrefix(name, folder+"/")
}

// openFile opens a regular file of the workspace, also through a symlink that stays
// in it. Nil, without an error, is for everything else: folders, devices, pipes,
// symlinks that lead out, and what is gone.
func openFile(root *os.Root, name string, entry fs.DirEntry) (*os.File, error) {
	switch entry.Type() {
	case 0:
	case fs.ModeSymlink:
		if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
			return nil, nil
		}
	default:
		return nil, nil
	}
	// It may have become a pipe by now: opening must not wait for who writes there.
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(name, err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func unreadable(name string, err error) error {
	return &core.Error{Code: core.CodeInvalid, Message: "cannot read " + name + " in the workspace", Err: err,
		Suggestions: []string{"see that the step leaves its files readable, or take this one away with !" + name}}
}
